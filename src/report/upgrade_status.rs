//! `upgrade status` for people: what it comes to, the template, who is at it, a line for each shard, how to go on and back.

use std::collections::BTreeMap;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use super::time::{ago, moment};
use super::untrusted::visible;
use crate::model::progress::{Conclusion, LastChange, Lock, Progress, ShardProgress};

/// How far in the words stand behind their titles.
const IN: usize = 12;

/// The whole page.
pub fn render(progress: &Progress, style: Style) -> String {
    let (symbol, tone) = match progress.conclusion {
        Conclusion::Complete => ("✓ ", Tone::Good),
        Conclusion::Unfinished => ("! ", Tone::Warn),
        Conclusion::Stuck => ("✗ ", Tone::Bad),
        Conclusion::Unknown => ("? ", Tone::Unsure),
    };
    let mut page = Page::new(style);
    let set = progress.statefulset.as_ref().map(|set| format!("/{set}"));
    let summary = format!(
        "{}{}: {}",
        progress.namespace,
        set.unwrap_or_default(),
        progress.summary
    );
    page.lead(&[(tone, symbol)], Tone::Heading, 0, 2, &summary);
    page.blank();
    let mut fact = |title: &str, words: &str| {
        let title = format!("{title:<width$}", width = IN - 2);
        page.lead(&[(Tone::Faint, &title)], Tone::Plain, 2, IN, words);
    };
    if let Some(template) = &progress.template {
        let revision = template.revision.as_deref().unwrap_or("not seen by the controller yet");
        fact("template", &format!("{revision}: {}", images(&template.images)));
        match &progress.last_change {
            Some(change) => said_of(change, progress, &mut fact),
            None => fact("change", "shardctl has written down no change of the template"),
        }
    }
    fact("lock", &lock(progress));
    if !progress.helpers.is_empty() {
        fact("helpers", &progress.helpers.join(", "));
    }
    if !progress.shards.is_empty() {
        page.blank();
        shards(&mut page, progress);
    }
    if !progress.findings.is_empty() {
        page.blank();
        for finding in &progress.findings {
            finding_lines(&mut page, finding, 2);
        }
    }
    if !progress.how_to_resume.is_empty() || !progress.how_to_undo.is_empty() {
        page.blank();
        lines(&mut page, "Resume:", &progress.how_to_resume);
        lines(&mut page, "Undo:", &progress.how_to_undo);
    }
    page.into_text()
}

fn said_of(change: &LastChange, progress: &Progress, fact: &mut impl FnMut(&str, &str)) {
    fact(
        "change",
        &format!("{}; before, the revision was {}", change.what, change.from),
    );
    let end = match change.finished {
        Some(finished) => format!("finished {} ago", ago(finished, progress.at)),
        None => "not finished".to_owned(),
    };
    fact(
        "",
        &format!(
            "by {}, {} ago ({}), as {}; {end}",
            change.by,
            ago(change.at, progress.at),
            moment(change.at),
            change.run
        ),
    );
}

fn lock(progress: &Progress) -> String {
    match &progress.lock {
        Lock::Free => "nobody holds it: no operation is running".to_owned(),
        Lock::Unknown { why } => format!("not known: {why}"),
        Lock::Held {
            holder,
            run,
            renewed,
            seconds,
            looks_alive,
        } => {
            let run = run.as_ref().map(|run| format!(" ({run})")).unwrap_or_default();
            let renewed = renewed.map_or_else(
                || "never renewed".to_owned(),
                |at| format!("renewed {} ago by its own clock", ago(at, progress.at)),
            );
            let looks = if *looks_alive {
                format!("its {seconds}s aren't over: it looks alive")
            } else {
                format!(
                    "its {seconds}s are over: it looks dead, and the next run takes over after watching it for {seconds}s"
                )
            };
            format!("held by {holder}{run}, {renewed}; {looks}. Clocks may differ")
        }
    }
}

fn shards(page: &mut Page, progress: &Progress) {
    let wide = |pick: &dyn Fn(&ShardProgress) -> String| {
        let cells = progress
            .shards
            .iter()
            .map(|shard| textwrap::core::display_width(&pick(shard)));
        cells.max().unwrap_or_default()
    };
    let revision = |shard: &ShardProgress| {
        let its = shard.revision.as_deref().unwrap_or("-");
        visible(its).into_owned()
    };
    let name = |shard: &ShardProgress| visible(&shard.name).into_owned();
    let (names, revisions) = (wide(&name), wide(&revision));
    for shard in &progress.shards {
        let (symbol, tone) = match (shard.ready, shard.current, &shard.why) {
            (false, ..) => ("✗", Tone::Bad),
            (true, Some(true), None) => ("✓", Tone::Good),
            (true, ..) => ("·", Tone::Plain),
        };
        let padded = |text: String, width: usize| {
            let pad = width.saturating_sub(textwrap::core::display_width(&text));
            format!("{text}{}", " ".repeat(pad))
        };
        let lead = format!(
            " {}  {}  ",
            padded(name(shard), names),
            padded(revision(shard), revisions)
        );
        page.lead(
            &[(tone, symbol), (Tone::Plain, &lead)],
            Tone::Plain,
            0,
            6,
            &how(shard, progress),
        );
    }
}

/// `registry.example/db:2.0, Ready for 3h 5m`.
fn how(shard: &ShardProgress, progress: &Progress) -> String {
    let since = shard.since.map(|since| ago(since, progress.at));
    let how = match (&shard.why, since) {
        (Some(why), Some(since)) => format!("{why} (for {since})"),
        (Some(why), None) => why.clone(),
        (None, Some(since)) => format!("Ready for {since}"),
        (None, None) => "Ready".to_owned(),
    };
    if shard.images.is_empty() {
        return how;
    }
    format!("{}, {how}", images(&shard.images))
}

/// The image, or `container=image` of each where there are several.
fn images(all: &BTreeMap<String, String>) -> String {
    match all.len() {
        1 => all.values().cloned().collect(),
        _ => {
            let named: Vec<String> = all.iter().map(|(name, image)| format!("{name}={image}")).collect();
            named.join(", ")
        }
    }
}

fn lines(page: &mut Page, title: &str, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let lead = format!("{:<8}", if at == 0 { title } else { "" });
        match line.strip_prefix("$ ") {
            Some(command) => page.row(&[(Tone::Heading, &lead), (Tone::Command, command)]),
            None => page.lead(&[(Tone::Heading, &lead)], Tone::Plain, 0, 8, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::HOSTILE;
    use crate::report::untrusted::is_treacherous;

    fn shard(name: &str, revision: &str, current: bool, why: Option<&str>) -> ShardProgress {
        ShardProgress {
            name: name.to_owned(),
            revision: Some(revision.to_owned()),
            current: Some(current),
            images: BTreeMap::from([("db".to_owned(), format!("r/db:{revision}"))]),
            ready: why.is_none(),
            why: why.map(str::to_owned),
            since: "2026-03-01T11:00:00Z".parse().ok(),
        }
    }

    fn half_way() -> Progress {
        Progress {
            conclusion: Conclusion::Unfinished,
            summary: "1 of 3 shards Ready with the set's template, 1 still to move, 1 down".to_owned(),
            namespace: "shop".to_owned(),
            statefulset: Some("db".to_owned()),
            at: "2026-03-01T12:00:00Z".parse().unwrap(),
            template: Some(crate::model::progress::Template {
                revision: Some("db-2".to_owned()),
                images: BTreeMap::from([("db".to_owned(), "r/db:db-2".to_owned())]),
            }),
            done: 1,
            shards: vec![
                shard("db-2", "db-2", true, None),
                shard("db-1", "db-2", true, Some(HOSTILE)),
                shard("db-0", "db-1", false, None),
            ],
            last_change: Some(LastChange {
                what: "image of db: r/db:1 → r/db:2".to_owned(),
                run: "upgrade/shop/db/4f2a".to_owned(),
                by: "anna@laptop".to_owned(),
                at: "2026-03-01T11:58:00Z".parse().unwrap(),
                from: "db-1".to_owned(),
                undo: false,
                finished: None,
            }),
            lock: Lock::Held {
                holder: "anna@laptop".to_owned(),
                run: Some("upgrade/shop/db/4f2a".to_owned()),
                renewed: "2026-03-01T11:57:00Z".parse().ok(),
                seconds: 30,
                looks_alive: false,
            },
            helpers: vec!["shardctl-pull-x".to_owned()],
            findings: Vec::new(),
            how_to_resume: vec!["$ shardctl upgrade".to_owned()],
            how_to_undo: vec!["$ shardctl upgrade undo".to_owned()],
        }
    }

    #[test]
    fn half_way_reads_well_at_night() {
        assert_eq!(
            render(&half_way(), Style::PLAIN),
            "\
! shop/db: 1 of 3 shards Ready with the set's template, 1 still to move, 1 down

  template  db-2: r/db:db-2
  change    image of db: r/db:1 → r/db:2; before, the revision was db-1
            by anna@laptop, 2m 0s ago (2026-03-01 11:58:00Z), as upgrade/shop/db/4f2a; not finished
  lock      held by anna@laptop (upgrade/shop/db/4f2a), renewed 3m 0s ago by its own clock; its 30s are over: it looks dead, and the next run takes over after watching it for 30s. Clocks may differ
  helpers   shardctl-pull-x

✓ db-2  db-2  r/db:db-2, Ready for 1h 0m
✗ db-1  db-2  r/db:db-2, gone\\e[2J\\u{202e}txt (for 1h 0m)
· db-0  db-1  r/db:db-1, Ready for 1h 0m

Resume: shardctl upgrade
Undo:   shardctl upgrade undo
"
        );
    }

    #[test]
    fn nothing_of_the_clusters_reaches_a_terminal_raw_and_nothing_is_wider_than_it() {
        let text = render(&half_way(), Style::of_width(80));
        for line in text.lines() {
            assert!(!line.contains(is_treacherous), "{line}");
            assert!(textwrap::core::display_width(line) <= 80, "{line}");
        }
    }

    #[test]
    fn what_cant_be_judged_is_one_sentence_and_the_lock() {
        let mut progress = half_way();
        progress.conclusion = Conclusion::Unknown;
        progress.summary = "pods can't be read: user x may not list them".to_owned();
        progress.template = None;
        progress.shards.clear();
        progress.helpers.clear();
        progress.how_to_resume.clear();
        progress.how_to_undo.clear();
        progress.lock = Lock::Unknown {
            why: "Leases can't be read: forbidden".to_owned(),
        };
        assert_eq!(
            render(&progress, Style::PLAIN),
            "? shop/db: pods can't be read: user x may not list them\n\n  lock      not known: Leases can't be read: forbidden\n"
        );
    }
}
