{# USES_VARIABLES { t, N, _clock_t, _clock_t_in_timesteps, _indices, every } #}
{% extends 'statemonitor.pyx' %}
{% block maincode %}
    if {{_clock_t_in_timesteps}} % {{every}} != 0:
        return
{{ super() }}
{% endblock %}
