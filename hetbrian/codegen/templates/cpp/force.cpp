{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _tiles, _c, _gain, _n_source, _n_weights } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _tiles, _c, _gain } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include "network.h"
{% include "rls.h" %}
{% if filter %}
{% include "event_rls.h" %}
{% endif %}

{% endblock %}
{% block maincode %}
    // whether it learns, and the target
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _idx = 0; _idx < N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
    hetbrian::readout({{_weights}}, {{_activity}}, _n_source, _n_weights, N, {{z}});
    {% if feedback %}
    hetbrian::feedback({{_encoder}}, {{z}}, _n_source, N, {{_feedback}});
    {% endif %}
    if (_is_due)
    {
        {% if filter %}
        const double _step[] = { {{filter.step|join(', ')}} };
        const bool _finite = hetbrian::adaptive_step(
            {{_P}}, {{_waiting}}, {{_products}}, {{_seen}}, {{_gains}}, &{{_scale}}, {{_counts}}, {{filter.capacity}},
            {{filter.length}}, {{_c}}, &{{_gain}}, &{{n_updates}}, &{{_tiles}}, {{_activity}}, {{_second}},
            {{filter.n_states}}, _step, {{_every}}, {{_weights}}, {{z}}, {{y}}, _n_source, _n_weights, N,
            {{initial_P}}, {{forgetting}}, {{posterior}}, {{threads}});
        {% else %}
        const bool _finite = hetbrian::rls_step(
            {{_P}}, {{_c}}, &{{_gain}}, &{{n_updates}}, &{{_tiles}}, {{_activity}}, {{_weights}}, {{z}}, {{y}},
            _n_source, _n_weights, N, {{initial_P}}, {{forgetting}}, {{posterior}}, {{threads}});
        {% endif %}
        if (!_finite) Network::_globally_stopped = true;
    }
{% endblock %}
