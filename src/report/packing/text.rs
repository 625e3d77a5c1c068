//! The packing for people: the answer first, then what it is made of, in tables as wide as the terminal.

mod advice;
mod answer;
mod tables;

pub use answer::count;

use super::{PackingPage, usage};
use crate::report::page::Page;
use crate::report::style::{Style, Tone};

/// The whole page; `wide` with every column, and more rows.
pub fn render(found: &PackingPage, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    let width = if wide { None } else { style.width() };
    answer::subject(&mut page, found);
    answer::answer(&mut page, found);
    section(&mut page, "Nodes now", |page| {
        tables::nodes(page, found, width);
        usage::missing(page, &found.usage);
    });
    if !found.usage.shards.is_empty() {
        section(&mut page, "Used now", |page| {
            usage::section(page, &found.usage, found.taken.at, width, wide);
        });
    }
    if found.layouts.len() > 1 {
        section(&mut page, "Layouts", |page| tables::layouts(page, found, width, wide));
    }
    if !found.with_less.is_empty() {
        section(&mut page, "With a little less memory a shard", |page| {
            answer::with_less(page, found);
        });
    }
    section(&mut page, "How many shards a size holds", |page| {
        tables::sizes(page, found, width, wide);
    });
    if let Some(command) = &found.buy {
        section(&mut page, "To have Karpenter buy just the cheapest", |page| {
            advice::buy(page, command);
        });
    }
    for one in &found.advice {
        section(
            &mut page,
            &format!("To keep {} in pool {}", one.keeps, one.pool),
            |page| {
                advice::advice(page, one);
            },
        );
    }
    section(&mut page, "What this rests on", |page| {
        for words in &found.assumptions {
            page.lead(&[(Tone::Faint, "- ")], Tone::Plain, 2, 4, words);
        }
    });
    page.into_text()
}

fn section(page: &mut Page, title: &str, body: impl FnOnce(&mut Page)) {
    page.blank();
    page.line(Tone::Heading, 0, 2, title);
    body(page);
}

#[cfg(test)]
mod tests;
