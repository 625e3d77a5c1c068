//! An error for a person: what happened, then, after an empty line, what to do next.

use super::page::Page;
use super::style::{Style, Tone};
use crate::error::Error;

/// The error as text for standard error. `verbose` adds the chain of causes.
pub fn render(error: &Error, style: Style, verbose: bool) -> String {
    let mut page = Page::new(style);
    page.lead(&[(Tone::Bad, "error: ")], Tone::Plain, 0, 2, error.message());
    if verbose {
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            page.lead(&[(Tone::Faint, "because: ")], Tone::Faint, 2, 4, &source.to_string());
            cause = source.source();
        }
    }
    if !error.hints().is_empty() {
        page.blank();
    }
    for hint in error.hints() {
        match hint.strip_prefix("$ ") {
            Some(command) => page.command(4, command),
            // A rule in YAML has lines of its own, which must stay as they are.
            None => {
                for line in hint.lines() {
                    let words = line.trim_start();
                    let indent = 2 + line.len() - words.len();
                    page.line(Tone::Plain, indent, indent, words);
                }
            }
        }
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_rule_in_a_hint_stays_yaml_in_a_window() {
        let rule = "this would allow it:\n- apiGroups: [\"\"]\n  resources: [\"pods\"]";
        let error = Error::new(ErrorKind::Refused, "refused").hint(rule);
        let text = render(&error, Style::of_width(80), false);
        assert!(
            text.ends_with("  - apiGroups: [\"\"]\n    resources: [\"pods\"]\n"),
            "{text}"
        );
    }
}
