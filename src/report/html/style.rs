//! The style sheet: dark and light, wide and narrow, screen and paper. It names no address: fonts are the reader's own.

use crate::model::phase::Phase;
use crate::report::style::Tone;

/// All of it.
pub const SHEET: &str = "
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #5a6472; --rule: #d5dae1; --box: #f4f6f8;
  --good: #116b34; --warn: #8a5300; --bad: #b3161f; --unsure: #7a2fa0;
  --terminate: #8c96a5; --detach: #b07cc6; --schedule: #d9a400; --attach: #3d7fd6; --pull: #17948a; --start: #57a639;
  --wait: #c4cad3; --task: #c2703d; --on: #10151b; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e6eaef; --faint: #9aa5b3; --rule: #343c46;
  --box: #1d232a; --good: #5fd38a; --warn: #f0b429; --bad: #ff7b7b; --unsure: #d19af0; --wait: #59636f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0 0 .75rem; color: var(--faint); }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; break-after: avoid; }
p { margin: .35rem 0; }
code, pre { font: .9em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; }
pre { margin: .35rem 0; padding: .5rem .7rem; background: var(--box); border: 1px solid var(--rule); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.faint { color: var(--faint); }
.good { --tone: var(--good); } .warn { --tone: var(--warn); } .bad { --tone: var(--bad); } .unsure { --tone: var(--unsure); }
.word { color: var(--tone, var(--ink)); font-weight: 600; }
.end { border: 1px solid var(--rule); border-left: .5rem solid var(--tone); border-radius: 4px; padding: .9rem 1.1rem; }
.end .said { font-size: 1.9rem; line-height: 1.2; font-weight: 700; color: var(--tone); margin: 0; }
.end .summary { font-size: 1.2rem; margin: .2rem 0 0; }
.figures { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1rem 0 0; }
.figures div { min-width: 6rem; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.figures dd { margin: 0; font-size: 1.45rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures dt { color: var(--faint); font-size: .88rem; }
.facts { display: grid; grid-template-columns: 9.5rem 1fr; gap: .35rem 1rem; margin: 1rem 0 0; }
.facts dt { color: var(--faint); } .facts dd { margin: 0; } .facts pre { margin: 0 0 .3rem; } .facts p { margin: 0 0 .3rem; }
.box { border-left: .25rem solid var(--tone, var(--rule)); padding: .1rem 0 .1rem .9rem; margin: .8rem 0; break-inside: avoid; }
.chart { margin: .5rem 0; }
.row { display: grid; grid-template-columns: 11rem 1fr 7.5rem; gap: .75rem; align-items: center; padding: .12rem 0;
  break-inside: avoid; }
.row + .row { border-top: 1px solid var(--rule); }
.row .name { font-weight: 600; } .row .down { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.track { position: relative; height: 1.5rem; background: var(--box); }
.part { position: absolute; top: 0; bottom: 0; min-width: 2px; overflow: hidden; white-space: nowrap; color: var(--on);
  font-size: .75rem; line-height: 1.5rem; padding-left: .25rem; border-left: 1px solid var(--paper);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.part.sliver { padding: 0; border: 0; }
.terminate { background: var(--terminate); } .detach { background: var(--detach); } .schedule { background: var(--schedule); }
.attach { background: var(--attach); } .pull { background: var(--pull); } .start { background: var(--start); }
.wait { background: var(--wait); } .task { background: var(--task); }
.part.wait { color: var(--ink); }
.part.failed { background: repeating-linear-gradient(135deg, #e5484d 0 6px, #ffb3b5 6px 12px); }
.axis { color: var(--faint); font-size: .8rem; } .axis .track { background: none; height: 1.2rem; }
.axis .track span { position: absolute; border-left: 1px solid var(--rule); padding-left: .25rem; white-space: nowrap; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: .6rem 0; list-style: none; font-size: .88rem; }
.key i { display: inline-block; width: .9rem; height: .9rem; margin-right: .35rem; vertical-align: -.1rem;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--faint); font-weight: 500; font-size: .88rem; }
th, td { padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; } td.nowrap { white-space: nowrap; }
tfoot td { font-weight: 650; } tr { break-inside: avoid; }
.scroll { overflow-x: auto; }
details { margin: 2.25rem 0 0; } summary { cursor: pointer; font-weight: 650; font-size: 1.15rem; }
footer { margin-top: 2.5rem; color: var(--faint); font-size: .88rem; }
@media (max-width: 40rem) { body { padding: 1rem .75rem 2rem; } .end .said { font-size: 1.6rem; }
  .facts { grid-template-columns: 1fr; gap: .1rem; } .facts dd { margin-bottom: .6rem; }
  .row { grid-template-columns: 1fr auto; gap: 0 .75rem; } .row .track { grid-column: 1 / -1; grid-row: 2; }
  .axis .name, .axis .down { display: none; }
  .told, .told tbody, .told tr, .told td { display: block; } .told thead { display: none; }
  .told td { border: 0; padding: 0; } .told tr { border-bottom: 1px solid var(--rule); padding: .35rem 0; } }
@media print { :root { --paper: #fff; --ink: #000; --faint: #444; --rule: #bbb; --box: #f2f2f2; --good: #116b34;
  --warn: #8a5300; --bad: #b3161f; --unsure: #7a2fa0; --wait: #c4cad3; } body { max-width: none; padding: 0; font-size: 10.5pt; }
  .scroll { overflow: visible; } }
@page { margin: 14mm; }
";

/// The class of a tone.
pub fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
        Tone::Faint => "faint",
        Tone::Plain | Tone::Heading | Tone::Command => "",
    }
}

/// What a phase is, for somebody who hasn't read the documentation.
pub const fn meaning(phase: Phase) -> &'static str {
    match phase {
        Phase::Terminate => "the old pod stops",
        Phase::Detach => "its disk leaves the old node",
        Phase::Schedule => "the new pod waits for a node",
        Phase::Attach => "its disk is attached there",
        Phase::Pull => "its images are fetched",
        Phase::Start => "it starts, until it is Ready",
    }
}
