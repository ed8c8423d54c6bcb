// In place of brian2cuda's: the one flag that code objects set.
#pragma once
struct Network { static bool _globally_stopped; };
extern "C" { bool* emulated_stop = &Network::_globally_stopped; }
bool Network::_globally_stopped = false;
