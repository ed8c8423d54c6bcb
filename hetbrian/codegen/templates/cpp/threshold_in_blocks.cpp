{# Brian2's threshold.cpp in two passes over a block of neurons: the condition of each, in a loop that compilers
   vectorise, then the list of those that meet it, eight neurons at a time, of which most are skipped at once. The same
   events, bit for bit. Brian2's own loop does both in one, which no compiler vectorises, and costs as much as the
   update of the state. Could take the place of threshold.cpp in Brian2: it is asked for by `is_elementwise` of
   hetbrian/codegen/loops.py, which would go into the globals of the templates there. #}
{# USES_VARIABLES { N } #}
{% extends 'threshold.cpp' %}
{% block maincode %}
    {% if is_elementwise(vector_code, variables, variable_indices) %}
    {% set _eventspace = get_array_name(eventspace_variable) %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const size_t _block = 128, _word = 8;
    char _fired[_block];
    size_t _count = 0;
    for (size_t _begin = 0; _begin < size_t(N); _begin += _block)
    {
        const size_t _size = std::min(_block, size_t(N) - _begin);
        for (size_t _k = 0; _k < _size; _k++)
        {
            const size_t _idx = _begin + _k;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _fired[_k] = _cond;
        }
        for (size_t _k = _size; _k % _word; _k++) _fired[_k] = 0;
        for (size_t _first = 0; _first < _size; _first += _word)
        {
            uint64_t _any;
            std::memcpy(&_any, _fired + _first, _word);
            if (!_any) continue;
            for (size_t _k = _first; _k < _first + _word; _k++)
            {
                if (!_fired[_k]) continue;
                const size_t _idx = _begin + _k;
                {{_eventspace}}[_count++] = _idx;
                {% if _uses_refractory %}
                {{not_refractory}}[_idx] = false;
                {{lastspike}}[_idx] = {{t}};
                {% endif %}
            }
        }
    }
    {{_eventspace}}[N] = _count;
    {% else %}
{{ super() }}
    {% endif %}
{% endblock %}
{% block extra_headers %}
#include <algorithm>
#include <cstring>
{% include 'aligned.h' %}

{% endblock %}
