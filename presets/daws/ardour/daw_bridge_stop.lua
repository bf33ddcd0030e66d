ardour {
	["type"] = "EditorAction",
	name = "daw-bridge: Stop",
	author = "daw-bridge",
	license = "GPL",
	description = [[Stop daw-bridge on the next bar.]]
}

function factory ()
	return function ()
		ARDOUR.LuaOSC.Address ("osc.udp://127.0.0.1:9770"):send ("/musicgen/stop", "")
	end
end
