//! What a deployment is about to do, for the question before it and for a dry run: each object, and what changes of it.

use serde::Serialize;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use crate::model::finding::Finding;

/// How many fields of an object are shown.
const SHOWN: usize = 12;

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployPage<S> {
    /// What is to be done, a clause.
    pub goal: String,
    /// Every object, in the order in which they are written.
    pub objects: Vec<Object<S>>,
    /// What is worth knowing.
    pub notes: Vec<Finding>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<S> {
    /// Its name, as `kind/name`.
    pub object: String,
    /// What becomes of it, for programs.
    #[serde(flatten)]
    pub state: S,
    /// The same in words.
    #[serde(skip)]
    pub words: String,
    /// Whether it is written.
    #[serde(skip)]
    pub due: bool,
    /// Its fields that change, a line each.
    #[serde(skip)]
    pub fields: Vec<String>,
}

/// The page.
pub fn render<S>(found: &DeployPage<S>, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &found.goal);
    page.blank();
    for one in &found.objects {
        let tone = if one.due { Tone::Heading } else { Tone::Faint };
        let lead = format!("{}  ", one.object);
        page.lead(
            &[(tone, lead.as_str())],
            if one.due { Tone::Plain } else { Tone::Faint },
            2,
            4,
            &one.words,
        );
        for field in one.fields.iter().take(SHOWN) {
            page.line(Tone::Plain, 4, 6, field);
        }
        if one.fields.len() > SHOWN {
            page.line(
                Tone::Faint,
                4,
                6,
                &format!("and {} fields more", one.fields.len() - SHOWN),
            );
        }
    }
    if !found.notes.is_empty() {
        page.blank();
        found.notes.iter().for_each(|note| finding_lines(&mut page, note, 2));
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::HOSTILE;
    use crate::report::untrusted::is_treacherous;

    #[test]
    fn each_object_has_its_fields_and_no_word_steers_the_terminal() {
        let object = |name: &str, fields: usize| Object {
            object: format!("statefulset/{name}"),
            state: (),
            words: "changes".to_owned(),
            due: fields > 0,
            fields: (0..fields).map(|at| format!(".spec.a{at}: {HOSTILE}")).collect(),
        };
        let page = DeployPage {
            goal: "write 1 object".to_owned(),
            objects: vec![object("a", 0), object("b", 14)],
            notes: Vec::new(),
        };
        let text = render(&page, Style::PLAIN);
        assert!(
            text.starts_with("write 1 object\n\n  statefulset/a  changes\n  statefulset/b  changes\n    .spec.a0: "),
            "{text}"
        );
        assert!(text.contains("    and 2 fields more\n"), "{text}");
        assert!(!text.contains(|c| c != '\n' && is_treacherous(c)), "{text}");
    }
}
