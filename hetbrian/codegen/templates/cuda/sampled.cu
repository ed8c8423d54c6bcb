{# USES_VARIABLES { t, N, _clock_t, _clock_t_in_timesteps, _indices, _every } #}
{# WRITES_TO_READ_ONLY_VARIABLES { t, N } #}
{% extends 'statemonitor.cu' %}
{% block host_maincode %}
    {% set step = get_array_name(variables['_clock_t_in_timesteps'], prefix='') + '[0]' %}
    {% set every = get_array_name(variables['_every'], prefix='') + '[0]' %}
    if ({{step}} % {{every}} != 0) return;
    const int _N = _num_indices;
    const int _numt_host = _dynamic_array_{{owner.name}}_t.size();
    _dynamic_array_{{owner.name}}_t.push_back({{owner.clock.name}}.t[0]);
    _array_{{owner.name}}_N[0] += 1;
    // samples, where brian2cuda's own monitor counts the iterations of the clock
    const int current_iteration = _numt_host, start_offset = 0;
    const int num_iterations = _numt_host + ({{owner.clock.name}}.i_end - {{step}} + {{every}} - 1)/{{every}};
{% endblock %}
