//! Why an operation won't begin (exit 3), as a person wants it: what is in the way, what was seen, what to do, and whether
//! there is a way past it.

use super::page::Page;
use super::style::{Style, Tone};
use super::text::proof_lines;
use crate::model::refusal::Refusal;

/// The page; empty where nothing refuses.
pub fn render(refusals: &[Refusal], style: Style) -> String {
    let mut page = Page::new(style);
    if refusals.is_empty() {
        return page.into_text();
    }
    let count = match refusals.len() {
        1 => "for one reason".to_owned(),
        more => format!("for {more} reasons"),
    };
    page.lead(
        &[(Tone::Bad, "✗ refused ")],
        Tone::Plain,
        0,
        2,
        &format!("{count}; nothing was changed"),
    );
    for refusal in refusals {
        page.blank();
        lines(&mut page, refusal);
    }
    page.blank();
    overriding(&mut page, refusals);
    page.into_text()
}

/// One refusal with what proves and mends it.
pub(super) fn lines(page: &mut Page, refusal: &Refusal) {
    let lead = [
        (Tone::Bad, refusal.id.as_ref()),
        (Tone::Plain, "  "),
        (Tone::Heading, refusal.object.as_str()),
        (Tone::Plain, ": "),
    ];
    page.lead(&lead, Tone::Plain, 2, 4, &refusal.message);
    proof_lines(page, &refusal.evidence, &refusal.remedy, 4);
    if refusal.guards_data {
        page.line(Tone::Faint, 4, 4, "nothing overrides this: data is at stake");
    } else if !refusal.can_be_allowed {
        page.line(Tone::Faint, 4, 4, "nothing overrides this: it has to be mended first");
    }
}

/// How to go on all the same, where that is possible at all.
fn overriding(page: &mut Page, refusals: &[Refusal]) {
    let mut flags: Vec<String> = Vec::new();
    for refusal in refusals.iter().filter(|refusal| refusal.can_be_allowed) {
        let flag = format!("--allow {}", refusal.id);
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    if flags.is_empty() {
        page.line(Tone::Plain, 0, 0, "It goes on when this is mended.");
        return;
    }
    let words = if refusals.iter().all(|refusal| refusal.can_be_allowed) {
        "To go on all the same, having looked at each, add:"
    } else {
        "Some can be overridden, having looked at each; the rest must be mended first:"
    };
    page.line(Tone::Plain, 0, 0, words);
    page.command(4, &flags.join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::refusal;

    #[test]
    fn a_refusal_says_what_why_what_to_do_and_the_way_past_it() {
        assert_eq!(
            render(
                &[refusal("shard-down", true), refusal("shard-down", true)],
                Style::of_width(80)
            ),
            "\
✗ refused for 2 reasons; nothing was changed

  shard-down  pod/db-1: it isn't Ready: CrashLoopBackOff
    │ last log line: gone\\e[2J\\u{202e}txt
    → look at its logs:
    → kubectl -n shop logs db-1 --previous

  shard-down  pod/db-1: it isn't Ready: CrashLoopBackOff
    │ last log line: gone\\e[2J\\u{202e}txt
    → look at its logs:
    → kubectl -n shop logs db-1 --previous

To go on all the same, having looked at each, add:
    --allow shard-down
"
        );
    }

    #[test]
    fn where_data_is_at_stake_no_way_past_is_named() {
        let text = render(&[refusal("claim-lost", false)], Style::PLAIN);
        assert!(text.contains("nothing overrides this"), "{text}");
        assert!(!text.contains("--allow"), "{text}");
        let mixed = render(
            &[refusal("claim-lost", false), refusal("shard-down", true)],
            Style::PLAIN,
        );
        assert!(mixed.contains("the rest must be mended first"), "{mixed}");
        assert!(
            mixed.contains("--allow shard-down\n") && !mixed.contains("--allow claim-lost"),
            "{mixed}"
        );
        assert_eq!(render(&[], Style::PLAIN), "");
    }
}
