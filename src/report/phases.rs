//! The two phases as they stand, for the top of `quickstart`.

use super::page::Page;
use super::status;
use super::style::{Style, Tone};
use crate::model::phases::{Held, Phases, Stand};
use crate::model::read::Read;

/// The column at which a phase's words begin.
const WORDS_AT: usize = 11;

/// The page: whether the system is up, a line a phase, and the shards that are with neither.
pub fn render(found: &Phases, style: Style) -> String {
    let mut page = Page::new(style);
    let here = format!("{}/{}", found.namespace, found.wanted);
    match (&found.status, &found.set) {
        (Some(_), _) => {}
        (None, Read::Got(_)) => page.line(
            Tone::Heading,
            0,
            2,
            &format!("{here}: not deployed, in neither phase: there is no such StatefulSet"),
        ),
        (None, Read::Absent(why) | Read::Unreadable(why)) => {
            page.line(Tone::Unsure, 0, 2, &format!("{here}: {why}"));
        }
    }
    let line = found.status.as_ref().map(|found| status::line(found, style));
    for stand in &found.phases {
        let (tone, words) = stand_words(found, stand);
        let name = format!("{:<width$}", stand.phase.word(), width = WORDS_AT - 2);
        page.lead(&[(Tone::Heading, &name)], tone, 2, WORDS_AT, &words);
    }
    for (count, words) in [
        (found.elsewhere.shards, elsewhere(found.elsewhere)),
        (found.homeless, "without a node".to_owned()),
    ] {
        if count > 0 {
            let name = format!("{:<width$}", "others", width = WORDS_AT - 2);
            let words = format!("{} {words}", shards(count));
            page.lead(&[(Tone::Heading, &name)], Tone::Warn, 2, WORDS_AT, &words);
        }
    }
    line.unwrap_or_default() + &page.into_text()
}

fn stand_words(found: &Phases, stand: &Stand) -> (Tone, String) {
    let held = stand.held;
    let is_read = matches!(found.set, Read::Got(_));
    let is_there = matches!(stand.is_there, Read::Got(true));
    let (tone, state) = match (stand.is_current, is_there, held.shards) {
        _ if !is_read => (Tone::Unsure, "not known whether it is deployed"),
        (true, _, _) => (Tone::Good, "deployed"),
        (false, _, 1..) => (Tone::Warn, "being left"),
        (false, true, 0) => (Tone::Plain, "not deployed, but its pool is there"),
        (false, false, 0) => (Tone::Faint, "not deployed"),
    };
    let mut words = vec![state.to_owned()];
    let is_counted = matches!(found.counted, Read::Got(()));
    if is_counted && (stand.is_current || held.shards > 0) {
        words.push(format!(
            "{} of {} Ready on its nodes",
            held.ready,
            shards(found.expected)
        ));
    }
    words.push(match &stand.is_there {
        Read::Got(true) => format!("nodepool/{}", stand.pool),
        Read::Got(false) => format!("no nodepool/{}", stand.pool),
        Read::Absent(why) | Read::Unreadable(why) => format!("nodepool/{}: {why}", stand.pool),
    });
    match &stand.nodes {
        Read::Got(count) if is_there || *count > 0 => words.push(nodes(*count)),
        Read::Got(_) => {}
        Read::Absent(why) | Read::Unreadable(why) => words.push(why.clone()),
    }
    (tone, words.join(" · "))
}

fn elsewhere(held: Held) -> String {
    format!("({} Ready) on {} of neither pool", held.ready, nodes(held.nodes))
}

fn shards(count: usize) -> String {
    match count {
        1 => "1 shard".to_owned(),
        count => format!("{count} shards"),
    }
}

fn nodes(count: usize) -> String {
    match count {
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::Phase;

    fn stand(phase: Phase, is_current: bool, is_there: Read<bool>, shards: usize) -> Stand {
        Stand {
            phase,
            is_current,
            pool: format!("db-{}", phase.word()),
            is_there,
            nodes: Read::Got(shards),
            held: Held {
                shards,
                ready: shards,
                nodes: shards,
            },
        }
    }

    fn phases(phases: Vec<Stand>) -> Phases {
        Phases {
            namespace: "db-shards".to_owned(),
            wanted: "db-shard".to_owned(),
            set: Read::Got(None),
            status: None,
            expected: 3,
            phases,
            elsewhere: Held::default(),
            counted: Read::Got(()),
            homeless: 0,
            nodes: Read::Got(Vec::new()),
            sizes: Vec::new(),
            zones: Vec::new(),
        }
    }

    #[test]
    fn a_move_shows_what_is_left_and_what_has_gone_ahead() {
        let mut moving = phases(vec![
            stand(Phase::Explore, false, Read::Got(true), 1),
            stand(Phase::Stable, true, Read::Got(true), 2),
        ]);
        moving.elsewhere = Held {
            shards: 1,
            ready: 0,
            nodes: 1,
        };
        moving.homeless = 2;
        let text = render(&moving, Style::PLAIN);
        for line in [
            "  explore  being left · 1 of 3 shards Ready on its nodes · nodepool/db-explore · 1 node\n",
            "  stable   deployed · 2 of 3 shards Ready on its nodes · nodepool/db-stable · 2 nodes\n",
            "  others   1 shard (0 Ready) on 1 node of neither pool\n",
            "  others   2 shards without a node\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_and_what_could_not_be_read_are_told_apart() {
        let nothing = phases(vec![
            stand(Phase::Explore, false, Read::Got(false), 0),
            stand(
                Phase::Stable,
                false,
                Read::Unreadable("anna may not list nodepools".to_owned()),
                0,
            ),
        ]);
        let text = render(&nothing, Style::PLAIN);
        for line in [
            "db-shards/db-shard: not deployed, in neither phase: there is no such StatefulSet\n",
            "  explore  not deployed · no nodepool/db-explore\n",
            "  stable   not deployed · nodepool/db-stable: anna may not list nodepools\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_told_as_nothing() {
        let mut found = phases(vec![
            stand(Phase::Explore, true, Read::Got(true), 0),
            stand(Phase::Stable, false, Read::Got(false), 0),
        ]);
        found.counted = Read::Unreadable("anna may not list nodes".to_owned());
        found.phases[0].nodes = Read::Unreadable("anna may not list nodes".to_owned());
        let text = render(&found, Style::PLAIN);
        let line = "  explore  deployed · nodepool/db-explore · anna may not list nodes\n";
        assert!(text.contains(line), "{text}");

        found.phases[0].is_current = false;
        found.set = Read::Unreadable("anna may not list statefulsets".to_owned());
        let text = render(&found, Style::PLAIN);
        for line in [
            "db-shards/db-shard: anna may not list statefulsets\n",
            "  stable   not known whether it is deployed · no nodepool/db-stable\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
