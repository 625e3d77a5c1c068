//! The timeline: a line a shard, time from left to right, a colour a phase; in lengths relative to the page, so that it fits a
//! telephone, a wide screen and paper.

use super::course::{Course, Kind, Lane, Part};
use super::markup::Markup;
use super::style::meaning;
use crate::model::phase::Phase;
use crate::report::time::seconds;

/// How wide a stretch must be for its word to fit, in percent of the line.
const ROOM_FOR_A_WORD: f64 = 9.0;
/// How narrow a stretch is drawn without a gap, in percent.
const SLIVER: f64 = 0.6;
/// How many marks the axis has at most.
const MARKS: f64 = 5.0;
/// The distances between marks that people read well, in seconds.
const STEPS: [f64; 15] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
];

/// Draws it, with what the colours mean.
pub fn draw(markup: &mut Markup, course: &Course) {
    let whole = course.seconds().max(0.001);
    markup.within("div", &[("class", "chart")], |chart| {
        axis(chart, whole);
        for lane in &course.lanes {
            row(chart, lane, whole);
        }
    });
    markup.within("ul", &[("class", "key")], |key| {
        let parts = || course.lanes.iter().flat_map(|lane| &lane.parts);
        for phase in Phase::ALL {
            if parts().any(|part| part.kind == Kind::Phase(phase)) {
                sample(key, phase.word(), &format!("{}: {}", phase.word(), meaning(phase)));
            }
        }
        if parts().any(|part| part.kind == Kind::Wait) {
            sample(key, "wait", "no shard is in hand: it waits");
        }
        if parts().any(|part| matches!(part.kind, Kind::Task(_))) {
            sample(key, "task", "images are fetched, a command or check runs");
        }
        if parts().any(|part| part.kind == Kind::Task(true)) {
            sample(key, "part failed", "the same, and it failed");
        }
    });
}

fn sample(key: &mut Markup, class: &str, words: &str) {
    key.within("li", &[], |item| {
        // A sample isn't placed on a line: only its colour is wanted.
        let style = if class.starts_with("part") {
            "position:static"
        } else {
            ""
        };
        item.within("i", &[("class", class), ("style", style)], |_| {});
        item.text(words);
    });
}

fn row(chart: &mut Markup, lane: &Lane, whole: f64) {
    chart.within("div", &[("class", "row")], |row| {
        row.element("span", "name", &lane.name);
        row.within("div", &[("class", "track")], |track| {
            for part in &lane.parts {
                stretch(track, part, whole);
            }
        });
        row.element("span", "down", &lane.down);
    });
}

fn stretch(track: &mut Markup, part: &Part, whole: f64) {
    let left = (part.from / whole * 100.0).clamp(0.0, 100.0);
    let width = ((part.to - part.from) / whole * 100.0).clamp(0.0, 100.0 - left);
    let (class, word) = match part.kind {
        Kind::Phase(phase) => (phase.word(), phase.word()),
        Kind::Wait => ("wait", "waits"),
        Kind::Task(false) => ("task", ""),
        Kind::Task(true) => ("failed", "failed"),
    };
    let sliver = if width < SLIVER { " sliver" } else { "" };
    track.within(
        "span",
        &[
            ("class", &format!("part {class}{sliver}")),
            ("style", &format!("left:{left:.2}%;width:{width:.2}%")),
            ("title", &part.words),
        ],
        |inside| {
            if width >= ROOM_FOR_A_WORD {
                inside.text(word);
            }
        },
    );
}

fn axis(chart: &mut Markup, whole: f64) {
    let step = STEPS.into_iter().find(|step| whole / step <= MARKS);
    let step = step.unwrap_or_else(|| (whole / MARKS / 86_400.0).ceil() * 86_400.0);
    chart.within("div", &[("class", "row axis"), ("aria-hidden", "true")], |row| {
        row.element("span", "name", "");
        row.within("div", &[("class", "track")], |track| {
            let mut at = 0.0;
            // A mark at the very right would have no room for its words.
            while at < whole * 0.93 {
                let left = format!("left:{:.2}%", at / whole * 100.0);
                track.within("span", &[("style", &left)], |mark| mark.text(&mark_words(at)));
                at += step;
            }
        });
        row.element("span", "down", "down");
    });
}

/// `0`, `30s`, `2m 0s` → `2m`.
fn mark_words(at: f64) -> String {
    if at < 60.0 {
        return format!("{at:.0}s");
    }
    seconds(at).trim_end_matches(" 0s").trim_end_matches(" 0m").to_owned()
}
