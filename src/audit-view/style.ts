/** The page's style. Colours have a contrast of 4.5 to 1 or more in both schemes, and nothing is told by colour alone. */
export const style = `:root { color-scheme: light dark; --ink: #16181d; --paper: #fff; --line: #c9ced6; --soft: #f3f5f8; --allowed: #2463a8; --refused: #b3341f; --holds: #1c6b3a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --paper: #14161a; --line: #3d434d; --soft: #1e2127; --allowed: #7ab0ee; --refused: #f2937f; --holds: #7fd09c; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 0 1.5rem 3rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; border-bottom: 1px solid var(--line); padding: .75rem 0; }
h1 { font-size: 1.1rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
nav a { margin-right: 1rem; } a { color: var(--allowed); } .live { margin-left: auto; }
:focus-visible { outline: 3px solid var(--allowed); outline-offset: 2px; } main:focus { outline: none; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem; }
.standing { border-left: 4px solid var(--line); background: var(--soft); padding: .5rem .75rem; }
.standing.holds { border-color: var(--holds); } .standing.fails { border-color: var(--refused); } .holds strong, strong.holds { color: var(--holds); } .fails strong, strong.fails { color: var(--refused); }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0; } .figures dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0 .5rem; } svg { width: 100%; height: 10rem; background: var(--soft); } rect.allowed { fill: var(--allowed); } rect.refused { fill: var(--refused); }
.key::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .3em; } .key.allowed::before { background: var(--allowed); } .key.refused::before { background: var(--refused); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 2rem; }
section { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 1rem 0; } caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: normal; } thead th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; } td.text { overflow-wrap: anywhere; min-width: 8rem; } tr.refused td:nth-child(5) { color: var(--refused); }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; } input, select, button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); padding: .2rem .4rem; }
.timeline > li { margin: 1rem 0; } dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dl.figures { display: flex; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; } code { overflow-wrap: anywhere; } .quiet { position: absolute; left: -100rem; }
`
