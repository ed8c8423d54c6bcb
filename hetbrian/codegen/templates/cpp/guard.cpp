{# USES_VARIABLES { t, t_in_timesteps, every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include "network.h"
{% endblock %}
{% block maincode %}
    if ({{t_in_timesteps}} % {{every}} == 0)
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
{% endblock %}
