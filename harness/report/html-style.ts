/** The style sheet of report.html, inline so that the file opens from disk and from a CI artifact store alike. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1c2127; --quiet: #5c6670; --line: #d9dee3; --panel: #f5f7f9;
  --passed: #1a7f37; --failed: #c62828; --error: #8e24aa; --interrupted: #a15c00; --skipped: #5c6670;
  --load: #8d99a6; --shutdown: #c98a1b; --gap: #d1495b; --startup: #2f7ebc; --userspace: #3c9d6d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181c; --ink: #e3e7eb; --quiet: #98a3ad; --line: #333b43; --panel: #1d2328;
    --passed: #57c36f; --failed: #ff7b72; --error: #d58ae8; --interrupted: #e3a848; --skipped: #98a3ad;
    --load: #75818d; --shutdown: #d9a441; --gap: #e5677a; --startup: #58a0dc; --userspace: #5bbd8b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; }
code, pre, .mono { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { margin: .5rem 0; padding: .6rem .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  overflow-x: auto; max-height: 28rem; }
.quiet { color: var(--quiet); }
.scroll { overflow-x: auto; margin-top: .75rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; font-size: .85rem; color: var(--quiet); }
th, td { padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { white-space: nowrap; }
td.bar { width: 24%; min-width: 10rem; padding-top: .65rem; }
.verdict { font-weight: 600; white-space: nowrap; }
.verdict::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .4em; border-radius: 50%;
  background: currentColor; }
.passed { color: var(--passed); } .failed, .fatal { color: var(--failed); } .error { color: var(--error); }
.interrupted, .warning { color: var(--interrupted); } .skipped, .info { color: var(--skipped); }
h1 .verdict { font-size: 1.5rem; }
svg { display: block; width: 100%; height: .8rem; border-radius: 3px; }
svg.plot { height: auto; max-width: 45rem; }
.load { fill: var(--load); background: var(--load); } .shutdown { fill: var(--shutdown); background: var(--shutdown); }
.gap { fill: var(--gap); background: var(--gap); } .startup { fill: var(--startup); background: var(--startup); }
.userspace { fill: var(--userspace); background: var(--userspace); }
.range { fill: var(--ink); opacity: .6; } td.part { padding-left: 1.4rem; white-space: nowrap; }
.legend span { margin-right: 1.1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; vertical-align: -.05em; }
.card { color: var(--ink); margin: .8rem 0; padding: .6rem 1rem; border: 1px solid var(--line); border-left-width: 4px;
  border-radius: 6px; }
.card.failed, .card.fatal { border-left-color: var(--failed); } .card.error { border-left-color: var(--error); }
.card.interrupted, .card.warning { border-left-color: var(--interrupted); }
.card.info, .card.skipped { border-left-color: var(--skipped); }
figure { margin: .6rem 0; } figcaption { font-weight: 600; }
img.screen { display: block; max-width: 100%; margin: .4rem 0; border: 1px solid var(--line); border-radius: 6px; }
details { margin: .4rem 0; } summary { cursor: pointer; }
@media print { details { display: block; } pre { max-height: none; } }
`
