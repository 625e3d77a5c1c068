//! The page of a check or of a refusal, for `shardctl explain` and docs/, both from its description.

use super::page::Page;
use super::style::{Style, Tone};
use crate::model::check::Description;
use crate::model::finding::Severity;
use crate::model::refusal::About;

/// The page for a terminal.
pub fn text(about: &Description, style: Style) -> String {
    let mut page = Page::new(style);
    page.heading(&format!("{}: {}", about.id, about.title));
    page.line(Tone::Plain, 0, 0, &standing(about));
    section(&mut page, "What it reads", &reads(about));
    section(&mut page, "Why it matters", about.why);
    section(&mut page, "How to mend it", about.mend);
    if !about.entails.is_empty() {
        section(&mut page, "What may fail with it", &about.entails.join(", "));
    }
    section(&mut page, "The rule's source", about.source);
    page.into_text()
}

fn section(page: &mut Page, title: &str, words: &str) {
    page.blank();
    page.line(Tone::Heading, 0, 0, title);
    for line in words.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => page.command(4, command),
            None => page.line(Tone::Plain, 2, 2, line),
        }
    }
}

/// The section of docs/checks.md.
pub fn markdown(about: &Description) -> String {
    let mut text = format!("### {}: {}\n\n{}\n\n", about.id, about.title, standing(about));
    text.push_str(&format!("**Reads:** {}\n\n", reads(about)));
    text.push_str(&format!("**Why it matters:** {}\n\n", about.why));
    text.push_str("**How to mend it:** ");
    let mut in_code = false;
    for line in about.mend.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => {
                if !in_code {
                    text.push_str("\n```sh\n");
                }
                text.push_str(command);
                text.push('\n');
                in_code = true;
            }
            None => {
                if in_code {
                    text.push_str("```\n\n");
                }
                text.push_str(line);
                text.push('\n');
                in_code = false;
            }
        }
    }
    if in_code {
        text.push_str("```\n");
    }
    if !about.entails.is_empty() {
        text.push_str(&format!("\n**What may fail with it:** {}\n", about.entails.join(", ")));
    }
    text.push_str(&format!("\n**The rule's source:** {}\n", about.source));
    text
}

fn standing(about: &Description) -> String {
    let gravity = match about.severity {
        Severity::Error => "Makes verify fail where it isn't so.",
        Severity::Warning => "A warning where it isn't so: verify still passes.",
        Severity::Information => "For information only.",
    };
    format!("{}. {gravity}", about.category.title())
}

fn reads(about: &Description) -> String {
    let mut words: Vec<&str> = about.reads.iter().map(|resource| resource.noun()).collect();
    if !about.also.is_empty() {
        words.push(about.also);
    }
    words.join(", ")
}

/// The page of a refusal for a terminal.
pub fn refusal_text(about: &About, style: Style) -> String {
    let mut page = Page::new(style);
    page.heading(&format!("{}: {}", about.id, about.title));
    section(&mut page, "Why it is in the way", about.why);
    section(&mut page, "Going on all the same", &override_words(about));
    page.into_text()
}

/// The section of docs/refusals.md.
pub fn refusal_markdown(about: &About) -> String {
    format!(
        "### {}: {}\n\n**Why it is in the way:** {}\n\n**Going on all the same:** {}\n",
        about.id,
        about.title,
        about.why,
        override_words(about)
    )
}

fn override_words(about: &About) -> String {
    match about.allowed {
        Some(effect) if !about.guards_data => format!("`--allow {}`. {effect}", about.id),
        _ if about.guards_data => "Nothing overrides it: data would be lost.".to_owned(),
        _ => "Nothing overrides it.".to_owned(),
    }
}
