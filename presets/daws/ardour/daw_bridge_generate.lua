ardour {
	["type"] = "EditorAction",
	name = "daw-bridge: Generate",
	author = "daw-bridge",
	license = "GPL",
	description = [[Ask daw-bridge for a new take at the tempo under the playhead. daw-bridge must be running on this computer, on OSC port 9770.]]
}

function factory ()
	local address = "osc.udp://127.0.0.1:9770"
	local prompt, bars = "funky drums and bass, 110 bpm", 8 -- remembered until Ardour quits

	return function ()
		local asked = LuaDialog.Dialog ("daw-bridge", {
			{ type = "entry", key = "prompt", title = "Prompt", default = prompt },
			{ type = "number", key = "bars", title = "Bars (0: until stopped)", min = 0, max = 64, step = 1, digits = 0, default = bars },
		}):run ()
		if not asked then return end
		prompt, bars = asked["prompt"], math.floor (asked["bars"])

		local here = Temporal.timepos_t (Session:transport_sample ())
		local bpm = Temporal.TempoMap.read ():quarters_per_minute_at (here)

		local bridge = ARDOUR.LuaOSC.Address (address)
		bridge:send ("/musicgen/tempo", "f", bpm)
		bridge:send ("/musicgen/bars", "i", bars)
		bridge:send ("/musicgen/generate", "s", prompt)
		collectgarbage () -- lets go of the tempo map, which Ardour waits for
	end
end
