{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _tiles, _c, _gain, _n_source, _n_weights, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _tiles, _c, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include "network.h"
{% include "limits.h" %}
{% include "rls.h" %}
{% if random %}
{% include "intervals.h" %}
{% endif %}
{% if filter %}
{% include "filter.h" %}
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
        {{_trouble}} = hetbrian::trouble(
            {{z}}, {{y}}, N, {{largest_output}}, {{n_updates}}, {{limits.first}}, &{{_largest}});
    if (_is_due && {{n_updates}} == 0 && {{initial_P}} == 0)  // "auto"
    {
        const double _length = hetbrian::squared_length({{_activity}}, _n_source, _n_weights > _n_source);
        if (_length > 0) {{initial_P}} = {{limits.share}}/_length;
        else {{_trouble}} = {{limits.silent}};
    }
    if ({{_trouble}})
    {
        {{_trouble_time}} = {{t}};
        Network::_globally_stopped = true;
    }
    else if (_is_due)
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
    {% if random %}
    hetbrian::tick({{t_in_timesteps}}, &{{_next}}, &{{_every}}, &{{_draw}}, {{_intervals}}, {{n_intervals}});
    {% endif %}
{% endblock %}
