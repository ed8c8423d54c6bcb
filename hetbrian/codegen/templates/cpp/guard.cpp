{# USES_VARIABLES { t, t_in_timesteps, _every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time, rate, _n_spikes } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include "network.h"
{% endblock %}
{% block maincode %}
    if ({{t_in_timesteps}} % {{_every}} == 0)
    {
        for (int _idx = 0; _idx < _n_source; _idx++)
        {
            if (!std::isfinite({{_watched}}[_idx]))
            {
                {{neuron}} = _idx;
                {{time}} = {{t}};
                Network::_globally_stopped = true;
                break;
            }
        }
    }
    {% if counts %}
    {{_n_spikes}} += {{_spikespace}}[_num_spikespace - 1];
    if (({{t_in_timesteps}} + 1) % {{_window}} == 0)
    {
        const double _rate = {{_n_spikes}}/(double(_n_source)*{{_window}}*{{dt}});
        if (_rate > {{highest_rate}})
        {
            {{rate}} = _rate;
            {{time}} = {{t}};
            Network::_globally_stopped = true;
        }
        {{_n_spikes}} = 0;
    }
    {% endif %}
{% endblock %}
