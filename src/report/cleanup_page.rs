//! What a cleanup is about to delete, and what stays, for the question before it and for a dry run.

use serde::Serialize;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use crate::model::finding::Finding;

/// What is to go, and what stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupPage {
    /// What is to be done, a clause.
    pub goal: String,
    /// In which cluster: its context and address.
    pub cluster: String,
    /// Every object that goes, as `kind/name`, in the order in which they go; the claims with their disks.
    pub goes: Vec<String>,
    /// What stays: other people's objects, and what goes on costing.
    pub stays: Vec<Finding>,
}

/// The page.
pub fn render(found: &CleanupPage, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &found.goal);
    page.line(Tone::Plain, 0, 2, &format!("in {}", found.cluster));
    page.blank();
    for object in &found.goes {
        page.line(Tone::Plain, 2, 4, object);
    }
    if !found.stays.is_empty() {
        page.blank();
        found.stays.iter().for_each(|one| finding_lines(&mut page, one, 2));
    }
    page.into_text()
}

/// What stays, where nothing goes.
pub fn stays(stays: &[Finding], style: Style) -> String {
    let mut page = Page::new(style);
    stays.iter().for_each(|one| finding_lines(&mut page, one, 2));
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use crate::report::testing::HOSTILE;
    use crate::report::untrusted::is_treacherous;

    #[test]
    fn what_goes_and_what_stays_is_told_and_no_word_steers_the_terminal() {
        let page = CleanupPage {
            goal: "delete 1 object; 1 claim stays".to_owned(),
            cluster: format!("context {HOSTILE}, https://10.0.0.1"),
            goes: vec![format!("statefulset/{HOSTILE}")],
            stays: vec![Finding::new(Severity::Information, "pvc/data-a-0", "stays")],
        };
        let text = render(&page, Style::PLAIN);
        assert!(
            text.starts_with("delete 1 object; 1 claim stays\nin context ") && text.contains("\n\n  statefulset/"),
            "{text}"
        );
        assert!(text.contains("pvc/data-a-0"), "{text}");
        assert!(!text.contains(|c| c != '\n' && is_treacherous(c)), "{text}");
    }
}
