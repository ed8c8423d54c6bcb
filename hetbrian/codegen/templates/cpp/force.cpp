{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _tiles, _c, _gain, _n_neurons, _n_weights, _n_outputs, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _tiles, _c, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include "network.h"
{% include "rls.h" %}
{% include "limits.h" %}
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
    {# what belongs to a network is a part of each array, all of the same length #}
    {% macro own(name) %}({{get_array_name(variables[name])}} + size_t(_network)*{{variables[name].size // networks}}){% endmacro %}
    bool _has_trouble = false;
    for (int _network = 0; _network < {{networks}}; _network++)
    {
        hetbrian::readout({{own('_weights')}}, {{own('_activity')}}, _n_neurons, _n_weights, _n_outputs, {{own('z')}});
        {% if feedback %}
        hetbrian::feedback({{own('_encoder')}}, {{own('z')}}, _n_neurons, _n_outputs, {{own('_feedback')}});
        {% endif %}
        if (!_is_due) continue;
        int32_t& _found = *{{own('_trouble')}};
        _found = hetbrian::trouble(
            {{own('z')}}, {{own('y')}}, _n_outputs, {{largest_output}}, {{n_updates}}, {{limits.first}}, {{own('_largest')}});
        if ({{n_updates}} == 0 && *{{own('initial_P')}} == 0)  // "auto"
        {
            const double _length = hetbrian::squared_length({{own('_activity')}}, _n_neurons, _n_weights > _n_neurons);
            if (_length > 0) *{{own('initial_P')}} = {{limits.share}}/_length;
            else _found = {{limits.silent}};
        }
        if (_found) *{{own('_trouble_time')}} = {{t}};
        _has_trouble = _has_trouble || _found;
    }
    if (_has_trouble) Network::_globally_stopped = true;
    else if (_is_due)
    {
        bool _is_finite = true;
        {% if filter %}
        const double _step[] = { {{filter.step|join(', ')}} };
        {% endif %}
        {# threads share P of one network, or the networks, each of which is then as on one thread #}
        {% if networks > 1 and threads > 1 %}
        #pragma omp parallel for num_threads({{threads}}) schedule(static) reduction(&&:_is_finite)
        {% endif %}
        for (int _network = 0; _network < {{networks}}; _network++)
        {
            int32_t _before = {{n_updates}};
            {% if filter %}
            const bool _finite = hetbrian::adaptive_step(
                {{own('_P')}}, {{own('_waiting')}}, {{own('_products')}}, {{own('_seen')}}, {{own('_gains')}},
                {{own('_scale')}}, {{own('_counts')}}, {{filter.capacity}}, {{filter.length}}, {{own('_c')}},
                {{own('_gain')}}, &_before, {{own('_tiles')}}, {{own('_activity')}}, {{own('_second')}},
                {{filter.n_states}}, _step, {{_every}}, {{own('_weights')}}, {{own('z')}}, {{own('y')}}, _n_neurons,
                _n_weights, _n_outputs, *{{own('initial_P')}}, {{forgetting}}, {{posterior}},
                {{threads if networks == 1 else 1}});
            {% else %}
            const bool _finite = hetbrian::rls_step(
                {{own('_P')}}, {{own('_c')}}, {{own('_gain')}}, &_before, {{own('_tiles')}}, {{own('_activity')}},
                {{own('_weights')}}, {{own('z')}}, {{own('y')}}, _n_neurons, _n_weights, _n_outputs,
                *{{own('initial_P')}}, {{forgetting}}, {{posterior}}, {{threads if networks == 1 else 1}});
            {% endif %}
            _is_finite = _is_finite && _finite;
        }
        {{n_updates}} += 1;
        if (!_is_finite) Network::_globally_stopped = true;
    }
    {% if random %}
    hetbrian::tick({{t_in_timesteps}}, &{{_next}}, &{{_every}}, &{{_draw}}, {{_intervals}}, {{n_intervals}});
    {% endif %}
{% endblock %}
