// What is exactly a policy and what is not, for everybody who reads policies.
export const empty: Readonly<Record<string, unknown>> = { id: 'p', version: '1', rules: [] }
const ruleWith = (rule: Record<string, unknown>): Record<string, unknown> => ({ ...empty, rules: [{ id: 'r', effect: 'permit', ...rule }] })
const when = (condition: unknown, others: Record<string, unknown> = {}): Record<string, unknown> => ({ ...ruleWith({ when: condition }), ...others })
const risk = (tests: unknown): Record<string, unknown> => when({ 'context.risk': tests })
const time = (tests: unknown): Record<string, unknown> => when({ 'context.time': tests })
const obliging = (obligation: unknown): Record<string, unknown> => ruleWith({ obligations: [obligation] })
const deep = (levels: number): Record<string, unknown> => (levels === 0 ? { 'context.a': { eq: 1 } } : { not: deep(levels - 1) })
const cyclic: Record<string, unknown> = {}
cyclic.not = cyclic

/** What is wrong, and what of the place and the complaint the message must say. */
export const wrongPolicies: readonly (readonly [name: string, policy: unknown, message: RegExp])[] = [
  ['no policy', undefined, /^policy: must be an object/],
  ['null', null, /^policy/],
  ['a text', '{}', /^policy/],
  ['a list', [empty], /^policy/],
  [
    'an instance',
    new (class Policy {
      id = 'p'
    })(),
    /^policy: must be a plain object/,
  ],
  ['an unknown key', { ...empty, rulez: [] }, /^policy: has an unknown key 'rulez'/],
  ['a key from another policy language', { ...empty, default: 'allow' }, /unknown key 'default'/],
  ['__proto__', JSON.parse('{"id":"p","version":"1","rules":[],"__proto__":{"x":1}}'), /^policy: must not have the key '__proto__'/],
  ['constructor', { ...empty, constructor: 1 }, /'constructor'/],
  ['a symbol', { ...empty, [Symbol('x')]: 1 }, /symbol/],
  [
    'a getter',
    {
      ...empty,
      get id() {
        return 'p'
      },
    },
    /^policy: 'id' must be a value, not a getter/,
  ],
  ['a getter in a list', { ...empty, rules: Object.defineProperty([1], 0, { get: () => 1, enumerable: true }) }, /^policy\.rules: '0'/],
  ['no id', { version: '1', rules: [] }, /^policy\.id/],
  ['an empty id', { ...empty, id: '' }, /^policy\.id: must be a text that is not empty/],
  ['a number as version', { ...empty, version: 7 }, /^policy\.version/],
  ['an empty version', { ...empty, version: '' }, /^policy\.version/],
  ['no rules', { id: 'p', version: '1' }, /^policy\.rules: must be a list/],
  ['rules as an object', { ...empty, rules: {} }, /^policy\.rules/],
  ['a hole among the rules', { ...empty, rules: new Array(1) }, /^policy\.rules\[0\]/],

  ['a rule without an id', { ...empty, rules: [{ effect: 'permit' }] }, /^policy\.rules\[0\]\.id/],
  [
    'one id twice',
    {
      ...empty,
      rules: [
        { id: 'r', effect: 'permit' },
        { id: 'r', effect: 'forbid' },
      ],
    },
    /^policy\.rules\[1\]\.id: 'r' is the id of policy\.rules\[0\]/,
  ],
  ['no effect', { ...empty, rules: [{ id: 'r' }] }, /^policy\.rules\[0\]\.effect/],
  ...['allow', 'deny', 'Permit', 'PERMIT', '', true, null, ['permit']].map(
    (effect) => [`effect ${JSON.stringify(effect)}`, ruleWith({ effect }), /\.effect: must be 'permit' or 'forbid'/] as const,
  ),
  ['an unknown key of a rule', ruleWith({ actions: ['chat'] }), /^policy\.rules\[0\]: has an unknown key 'actions'/],
  ['an undefined condition', ruleWith({ when: undefined }), /^policy\.rules\[0\]: 'when' is undefined/],
  ['a null condition', when(null), /^policy\.rules\[0\]\.when: must be an object/],
  ...['max_output_tokens', 'allow_tools', 'no_stream', 'mask', 'seal_response', 'limit', 'reveal', 'require_approval', 'require_passkey'].map(
    (type) =>
      [
        `a forbid with the duty ${type}`,
        ruleWith({
          effect: 'forbid',
          obligations: [{ type, ...(type === 'max_output_tokens' && { value: 5 }), ...(type === 'allow_tools' && { value: [] }) }],
        }),
        /^policy\.rules\[0\]\.obligations\[0\]\.type: '\w+' (?:shapes a call that is permitted|would turn a denial into a permit)/,
      ] as const,
  ),
  ['a forbid with no duties in its list', ruleWith({ effect: 'forbid', obligations: [] }), /\.obligations: must not be empty/],
  [
    'a forbid with a duty that is wrong',
    ruleWith({ effect: 'forbid', obligations: [{ type: 'require_acr', value: 'a b' }] }),
    /\.obligations\[0\]\.value/,
  ],

  ['an empty subject', ruleWith({ subject: {} }), /\.subject: must not be empty/],
  ['an unknown key of a subject', ruleWith({ subject: { role: 'x' } }), /\.subject: has an unknown key 'role'/],
  ['an empty resource', ruleWith({ resource: {} }), /\.resource: must not be empty/],
  ['an unknown key of a resource', ruleWith({ resource: { name: 'x' } }), /\.resource: has an unknown key 'name'/],
  ['no action', ruleWith({ action: [] }), /\.action: must not be empty/],
  ['an empty action', ruleWith({ action: [''] }), /\.action\[0\]/],
  ['an action that is a number', ruleWith({ action: 5 }), /\.action: must be a text or a list of texts/],
  ['an action twice', ruleWith({ action: ['chat', 'chat'] }), /\.action: must not name anything twice/],
  ...['*chat', 'ch*t', '**', 'a**', '*.*'].map(
    (action) => [`the pattern ${action}`, ruleWith({ action }), /\.action: '\*' may only stand at the end/] as const,
  ),
  ['a star inside a resource id', ruleWith({ resource: { id: ['a', 'g*t'] } }), /\.resource\.id/],
  ['a role with a star', ruleWith({ subject: { roles: ['ad*'] } }), /\.subject\.roles: a role is a name/],
  ['no role', ruleWith({ subject: { roles: [] } }), /\.subject\.roles/],

  ['roles as a list', { ...empty, roles: ['a'] }, /^policy\.roles/],
  ['a role that is a list', { ...empty, roles: { a: ['b'] } }, /^policy\.roles\['a'\]: must be an object/],
  ['an unknown key of a role', { ...empty, roles: { a: { inherit: ['b'] } } }, /^policy\.roles\['a'\]: has an unknown key 'inherit'/],
  ['a role that inherits itself', { ...empty, roles: { a: { inherits: 'a' } } }, /inherit each other: a > a/],
  [
    'a circle of roles',
    { ...empty, roles: { a: { inherits: 'b' }, b: { inherits: ['x', 'c'] }, c: { inherits: ['a'] } } },
    /inherit each other: a > b > c > a/,
  ],
  [
    'a line of roles without end',
    { ...empty, roles: Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`r${index}`, { inherits: `r${index + 1}` }])) },
    /more than 64/,
  ],

  ['an unknown type', { ...empty, attributes: { 'context.risk': 'float' } }, /^policy\.attributes\['context\.risk'\]: must be one of/],
  ['a type of Object.prototype', { ...empty, attributes: { 'context.risk': 'toString' } }, /must be one of/],
  ['a declared path without a root', { ...empty, attributes: { risk: 'number' } }, /is no attribute path/],
  ['a path declared twice', { ...empty, attributes: { 'subject.a': 'number', 'subject.properties.a': 'string' } }, /is declared twice/],
  ['an id that is no text', { ...empty, attributes: { 'subject.id': 'number' } }, /is always a string/],

  ['an attribute of a guard with another type', { ...empty, attributes: { 'subject.roles': 'string' } }, /is always a string\[\]/],
  ['the same, spelled out', { ...empty, attributes: { 'subject.properties.roles': 'string' } }, /is always a string\[\]/],
  ['the time as a text', { ...empty, attributes: { 'context.time': 'string' } }, /is always a number/],
  ['a schema that is no text', { ...empty, $schema: {} }, /^policy\.\$schema: must be a text/],

  ['an empty condition', when({}), /\.when: must not be empty/],
  ['an empty nested condition', when({ any: [{ 'context.a': { eq: 1 } }, {}] }), /\.when\.any\[1\]: must not be empty/],
  ['an empty any', when({ any: [] }), /\.when\.any: must not be empty/],
  ['an empty all', when({ all: [] }), /\.when\.all/],
  ['all as an object', when({ all: { 'context.a': { eq: 1 } } }), /\.when\.all: must be a list/],
  ['not as a list', when({ not: [] }), /\.when\.not: must be an object/],
  ['an unknown combination', when({ none: [] }), /is no attribute path/],
  ['a path without a root', when({ risk: { lt: 1 } }), /\.when\['risk'\]: 'risk' is no attribute path/],
  ['a root alone', when({ context: { lt: 1 } }), /is no attribute path/],
  ['another letter case', when({ 'Context.risk': { lt: 1 } }), /is no attribute path/],
  ['the input as a root', when({ 'input.model': { eq: 'x' } }), /is no attribute path/],
  ['an empty part of a path', when({ 'context..risk': { lt: 1 } }), /is no attribute path/],
  ['a path to a prototype', when({ 'context.__proto__.x': { eq: 1 } }), /is no attribute path/],
  ['a path to a constructor', when({ 'subject.constructor.name': { eq: 'x' } }), /is no attribute path/],
  ['a path into an id', when({ 'subject.id.length': { eq: 1 } }), /leads into a text/],
  ['a pattern as a path', when({ 'context.*': { eq: 1 } }), /is no attribute path/],
  ['a value in place of tests', risk(0.5), /\['context\.risk'\]: must be an object/],
  ['no operator', risk({}), /must hold an operator/],
  ['an undefined operand', risk({ lt: undefined, gt: 1 }), /'lt' is undefined/],
  ...['less', 'LT', '$lt', '<', 'equals', 'regex', 'matches', 'toString', 'hasOwnProperty', ''].map(
    (operator) => [`operator '${operator}'`, risk({ [operator]: 1 }), /is no operator/] as const,
  ),
  ...['lt', 'lte', 'gt', 'gte'].flatMap((operator) =>
    ['1', null, true, [1], Number.NaN, Number.POSITIVE_INFINITY, 1n].map(
      (operand) => [`${operator} ${String(operand)}`, risk({ [operator]: operand }), /must be a finite number|must be an object/] as const,
    ),
  ),
  ...['eq', 'ne', 'contains'].flatMap((operator) =>
    [null, [1], Number.NaN, () => 1].map(
      (operand) => [`${operator} ${String(operand)}`, risk({ [operator]: operand }), /must be a text, a finite number|must be an object/] as const,
    ),
  ),
  ...['in', 'notIn', 'containsAny', 'containsAll'].flatMap((operator) =>
    ['x', 1, null, [], [null], ['x', 1], [[1]], [Number.NaN]].map(
      (operand) => [`${operator} ${JSON.stringify(operand)}`, risk({ [operator]: operand }), /must/] as const,
    ),
  ),
  ...['startsWith', 'endsWith'].flatMap((operator) =>
    ['', 1, ['x'], null].map((operand) => [`${operator} ${JSON.stringify(operand)}`, risk({ [operator]: operand }), /must be/] as const),
  ),
  ...[1, 'true', null, {}].map(
    (operand) => [`exists ${JSON.stringify(operand)}`, risk({ exists: operand }), /must be true or false|takes a value/] as const,
  ),
  ...[[1], [1, 2, 3], [2, 1], ['1', '2'], 1, [1, Number.NaN], { low: 1 }].map(
    (operand) => [`between ${JSON.stringify(operand)}`, risk({ between: operand }), /must be|takes a value/] as const,
  ),
  ...[
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.1/8',
    '10.0.0/8',
    '010.0.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/',
    '/8',
    '::/129',
    ':::/8',
    '2001:db8::1/32',
    'localhost/8',
    '',
    5,
    [],
    ['10.0.0.0/8', 'x'],
  ].map((operand) => [`cidr ${JSON.stringify(operand)}`, risk({ cidr: operand }), /must be a network|must be a list|must not be empty/] as const),
  ...[
    '2026-12-31',
    '2026-12-31T23:00:00',
    '2026-12-31 23:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-12-31T24:00:00Z',
    '2026-12-31T23:60:00Z',
    '2026-12-31T23:00:61Z',
    '2026-12-31T23:00:00+24:00',
    '2026-12-31T23:00:00+1',
    '2026-12-31T23:00:00.0000Z',
    '0026-12-31T23:00:00Z',
    ' 2026-12-31T23:00:00Z',
    'tomorrow',
    '1767222000000',
    '',
    9e15,
    -9e15,
    Number.NaN,
    true,
    null,
    ['2026-12-31T23:00:00Z'],
    { path: 'resource.until' },
  ].flatMap((moment) => [
    [`before ${JSON.stringify(moment)}`, time({ before: moment }), /\.before: (must be a moment|is a moment that|takes a value)/] as const,
    [`after ${JSON.stringify(moment)}`, time({ after: moment }), /\.after: (must be a moment|is a moment that|takes a value)/] as const,
    [`expires ${JSON.stringify(moment)}`, ruleWith({ expires: moment }), /\.expires: (must be a moment|is a moment that)/] as const,
  ]),
  ['before of a text', when({ 'resource.id': { before: '2026-12-31T23:00:00Z' } }), /does not fit the attribute, which is a string/],
  ['a window that is a text', time({ during: '08:00-18:00' }), /\.during: must be an object/],
  ['a window by path', time({ during: { path: 'context.hours' } }), /\.during: has an unknown key 'path'/],
  ['a window that is always open', time({ during: { zone: 'UTC' } }), /must name days, or from and to/],
  ['a window without an end', time({ during: { zone: 'UTC', from: '08:00' } }), /both from and to/],
  ['a window without a beginning', time({ during: { zone: 'UTC', to: '08:00', days: 'monday' } }), /both from and to/],
  ['a window without a zone', time({ during: { from: '08:00', to: '18:00' } }), /\.during\.zone: must be a text/],
  ...['+01:00', 'Europe', 'Europe/', 'europe berlin', 'Mars/Olympus', 'Europe/Berlin\n', '../UTC', '', 5, null].map(
    (zone) => [`zone ${JSON.stringify(zone)}`, time({ during: { zone, days: 'monday' } }), /\.during\.zone: /] as const,
  ),
  ...['8:00', '08:0', '08.00', '0800', '25:00', '24:01', '08:60', '08:00:00', ' 08:00', 8, null, '٠٨:٠٠'].flatMap((hour) => [
    [`from ${JSON.stringify(hour)}`, time({ during: { zone: 'UTC', from: hour, to: '18:00' } }), /\.during\.from: must be a time of day/] as const,
    [`to ${JSON.stringify(hour)}`, time({ during: { zone: 'UTC', from: '07:00', to: hour } }), /\.during\.to: must be a time of day/] as const,
  ]),
  ...[
    ['08:00', '08:00'],
    ['24:00', '08:00'],
    ['22:00', '00:00'],
  ].map(([from, to]) => [`from ${from} to ${to}`, time({ during: { zone: 'UTC', from, to } }), /must not be empty/] as const),
  ...['Monday', 'mon', 'workdays', '', 1, null, [], ['monday', 'monday'], ['monday', 'Sun'], [1]].map(
    (days) => [`days ${JSON.stringify(days)}`, time({ during: { zone: 'UTC', days } }), /\.during\.days/] as const,
  ),

  ['a path of another kind of object', risk({ eq: { ref: 'context.b' } }), /unknown key 'ref'/],
  ['a path with something beside it', risk({ eq: { path: 'context.b', or: 1 } }), /unknown key 'or'/],
  ['a path that is none', risk({ eq: { path: 'b' } }), /\.eq\.path: 'b' is no attribute path/],
  ['a network by path', risk({ cidr: { path: 'context.b' } }), /takes a value, not another attribute/],
  ['conditions without end', when(deep(40)), /may nest 32 deep/],
  ['a circle of conditions', when(cyclic), /may nest 32 deep/],

  ['a typo in a declared root', when({ 'context.rsik': { lt: 1 } }, { attributes: { 'context.risk': 'number' } }), /'context\.rsik' is not declared/],
  [
    'a typo in a path on the other side',
    when({ 'context.risk': { lt: { path: 'context.limt' } } }, { attributes: { 'context.risk': 'number' } }),
    /\.lt\.path: 'context\.limt' is not declared/,
  ],
  [
    'an operator that does not fit the type',
    when({ 'context.risk': { startsWith: 'x' } }, { attributes: { 'context.risk': 'number' } }),
    /does not fit the attribute, which is a number/,
  ],
  [
    'a literal that does not fit the type',
    when({ 'context.risk': { eq: 'high' } }, { attributes: { 'context.risk': 'number' } }),
    /must be a number, as the attribute is declared/,
  ],
  [
    'a list element that does not fit the type',
    when({ 'context.tags': { containsAny: [1] } }, { attributes: { 'context.tags': 'string[]' } }),
    /must be a string/,
  ],
  ['eq of a list', when({ 'context.tags': { eq: 'x' } }, { attributes: { 'context.tags': 'string[]' } }), /does not fit/],
  [
    'two attributes that do not compare',
    when({ 'context.a': { eq: { path: 'context.b' } } }, { attributes: { 'context.a': 'number', 'context.b': 'string' } }),
    /cannot be compared/,
  ],
  [
    'a scalar where a list is needed',
    when({ 'context.a': { in: { path: 'context.b' } } }, { attributes: { 'context.a': 'number', 'context.b': 'number' } }),
    /does not fit 'in'/,
  ],
  ['a test of a text as a number', when({ 'resource.id': { lt: 5 } }), /does not fit the attribute, which is a string/],

  ['obligations as an object', ruleWith({ obligations: { type: 'no_stream' } }), /\.obligations: must be a list/],
  ['no obligations', ruleWith({ obligations: [] }), /\.obligations: must not be empty/],
  ['an obligation without a type', obliging({ value: 1 }), /\.obligations\[0\]\.type/],
  ['an obligation that is a text', obliging('no_stream'), /\.obligations\[0\]: must be an object/],
  ...[0, -1, 1.5, '100', null, Number.NaN, Number.POSITIVE_INFINITY, [1]].map(
    (value) => [`max_output_tokens ${String(value)}`, obliging({ type: 'max_output_tokens', value }), /\.value: must be a whole number/] as const,
  ),
  ['max_output_tokens under another name', obliging({ type: 'max_output_tokens', max: 5 }), /unknown key 'max'/],
  ['max_output_tokens without a value', obliging({ type: 'max_output_tokens' }), /\.value/],
  ['allow_tools with a pattern', obliging({ type: 'allow_tools', value: ['a*'] }), /named, not matched/],
  ['allow_tools with a number', obliging({ type: 'allow_tools', value: [1] }), /\.value\[0\]/],
  ['an acr that would break a header', obliging({ type: 'require_acr', value: ['a"b'] }), /printable ASCII/],
  ['an acr with a line break', obliging({ type: 'require_acr', value: 'a\r\nb' }), /printable ASCII/],
  ['no acr', obliging({ type: 'require_acr', value: [] }), /must not be empty/],
  ['an unknown binding', obliging({ type: 'require_binding', value: 'tls' }), /dpop, mtls or any/],
  ['no_stream with a parameter', obliging({ type: 'no_stream', value: true }), /unknown key 'value'/],
  ['an own obligation that is no JSON', obliging({ type: 'own', run: () => 1 }), /\['run'\]: must be a JSON value/],
]

/** What is exactly a policy. */
export const goodPolicies: readonly unknown[] = [
  empty,
  when(
    { 'context.risk': { lt: 1 }, 'resource.anything': { eq: 1 }, 'subject.tenant': { eq: { path: 'resource.tenant' } } },
    { attributes: { 'subject.department': 'string', 'context.risk': 'number' } },
  ),
  when(
    { 'subject.claims.team.name': { eq: 'x' }, 'subject.amr': { contains: 'hwk' }, 'subject.properties.department': { eq: 'y' } },
    { attributes: { 'subject.department': 'string' } },
  ),
  when({ 'context.a': { contains: 'x' } }, { attributes: { 'context.a': 'string' } }),
  when({ 'context.a': { in: { path: 'context.b' } } }, { attributes: { 'context.a': 'number', 'context.b': 'number[]' } }),
  when(deep(32)),
  obliging({ type: 'own', deep: { list: [1, null, 'x'] } }),
  obliging({ type: 'allow_tools', value: [] }),
  obliging({ type: 'require_acr', value: 'urn:example:phr' }),
  obliging({ type: 'require_binding' }),
  ruleWith({
    subject: { roles: 'a', type: 'user', id: 'spiffe://example.org/*' },
    action: 'chat',
    resource: { type: 'model', id: ['gpt-*', 'o3'] },
  }),
  Object.assign(Object.create(null), empty),
  { $schema: './node_modules/sallyport/docs/policy.schema.json', ...empty },
  { ...empty, attributes: { 'subject.roles': 'string[]', 'subject.properties.id': 'number', 'context.time': 'number' } },
  ...['2026-12-31T23:00:00Z', '2028-02-29T00:00Z', '2026-12-31T23:00:00.5+14:00', '2026-12-31T23:00:00-00:30', 0, -1, 1767222000000.5].flatMap(
    (moment) => [ruleWith({ expires: moment }), time({ before: moment, after: moment })],
  ),
  ruleWith({ effect: 'forbid', expires: '2026-12-31T23:00:00Z', when: { 'context.risk': { gt: 0.5 } } }),
  ...[
    { zone: 'Europe/Berlin', from: '08:00', to: '18:00', days: ['monday', 'friday'] },
    { zone: 'UTC', days: 'sunday' },
    { zone: 'America/Argentina/Buenos_Aires', from: '22:00', to: '06:00' },
    { zone: 'Etc/GMT+12', from: '00:00', to: '24:00' },
  ].map((window) => when({ 'context.time': { during: window }, 'subject.authenticatedAt': { during: window } })),
  // With declarations that close the root, what a guard states is still there.
  { ...when({ 'context.time': { during: { zone: 'UTC', days: 'monday' } } }), attributes: { 'context.risk': 'number' } },
  { ...ruleWith({ expires: 0 }), attributes: { 'context.risk': 'number' } },
]
