{% for name, _, size in step.arguments.fields %}
    const auto{{ "&" if size is not none }} {{ name }} = arguments.{{ name }};
{% endfor %}
{% for name in layout.scalars %}
    const real c_{{ name }} = scalars[{{ loop.index0 }}];
{% endfor %}
    const size_t BN = (size_t)B*N;
