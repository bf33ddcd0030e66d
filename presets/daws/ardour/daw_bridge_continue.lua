ardour {
	["type"] = "EditorAction",
	name = "daw-bridge: Continue Selected Region",
	author = "daw-bridge",
	license = "GPL",
	description = [[Ask daw-bridge to continue the sound file of the first selected region, from the file's end. daw-bridge must be running on this computer, on OSC port 9770.]]
}

function factory ()
	local address = "osc.udp://127.0.0.1:9770"

	local function say (text)
		LuaDialog.Message ("daw-bridge", text, LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run ()
	end

	return function ()
		for region in Editor:get_selection ().regions:regionlist ():iter () do
			local source = region:source (0)
			local file = source and source:to_filesource ()
			if not file or file:isnil () then
				say ("This region is not a sound file. Select an audio region.")
				return
			end
			ARDOUR.LuaOSC.Address (address):send ("/musicgen/continue", "s", file:path ())
			return
		end
		say ("Select an audio region first.")
	end
end
