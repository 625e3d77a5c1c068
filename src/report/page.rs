//! Lines of text for people: made visible, wrapped to the terminal, painted. Everything that is printed is built here.

use super::style::{Style, Tone};
use super::untrusted::visible;

/// Text being written.
pub struct Page {
    style: Style,
    text: String,
}

impl Page {
    /// An empty page.
    pub fn new(style: Style) -> Page {
        Page {
            style,
            text: String::new(),
        }
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line in one tone, wrapped with its continuation `hang` columns in.
    pub fn line(&mut self, tone: Tone, indent: usize, hang: usize, words: &str) {
        self.lead(&[], tone, indent, hang, words);
    }

    /// A line that begins with pieces of their own tones (a symbol, an id), then words in one tone, wrapped.
    pub fn lead(&mut self, lead: &[(Tone, &str)], tone: Tone, indent: usize, hang: usize, words: &str) {
        let words = visible(words);
        let lead: Vec<(Tone, String)> = lead
            .iter()
            .map(|(tone, text)| (*tone, visible(text).into_owned()))
            .collect();
        let lead_width: usize = lead.iter().map(|(_, text)| textwrap::core::display_width(text)).sum();
        self.text.push_str(&" ".repeat(indent));
        for (tone, text) in &lead {
            self.text.push_str(&self.style.paint(*tone, text));
        }
        let width = self.style.width();
        let mut first = indent + lead_width;
        // A lead that leaves no room for words, since a name in it is long, has a line of its own.
        if !words.is_empty() && width.is_some_and(|width| first > hang && first + NARROWEST > width) {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.text.push('\n');
            self.text.push_str(&" ".repeat(hang));
            first = hang;
        }
        for (at, line) in wrapped(&words, width, first, hang).iter().enumerate() {
            if at > 0 {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(hang));
            }
            self.text.push_str(&self.style.paint(tone, line));
        }
        self.text.push('\n');
    }

    /// A line of pieces of their own tones that is never wrapped: a row of a table, a command after its title.
    pub fn row(&mut self, pieces: &[(Tone, &str)]) {
        for (tone, text) in pieces {
            self.text.push_str(&self.style.paint(*tone, &visible(text)));
        }
        self.text.push('\n');
    }

    /// A command to copy: on one line whatever its length, so that it can be copied.
    pub fn command(&mut self, indent: usize, command: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(&self.style.paint(Tone::Command, &visible(command)));
        self.text.push('\n');
    }

    /// A heading with a rule under it.
    pub fn heading(&mut self, words: &str) {
        let words = visible(words);
        self.text.push_str(&self.style.paint(Tone::Heading, &words));
        self.text.push('\n');
        let rule = "─".repeat(textwrap::core::display_width(&words));
        self.text.push_str(&self.style.paint(Tone::Faint, &rule));
        self.text.push('\n');
    }

    /// The finished text.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// The narrowest that a column of words may be.
const NARROWEST: usize = 20;

/// Wraps words to `width`, the first line beginning at column `first`, later ones at `hang`.
fn wrapped(words: &str, width: Option<usize>, first: usize, hang: usize) -> Vec<String> {
    let Some(width) = width else {
        return vec![words.to_owned()];
    };
    let initial = " ".repeat(first.min(width.saturating_sub(NARROWEST)));
    let subsequent = " ".repeat(hang.min(width.saturating_sub(NARROWEST)));
    let options = textwrap::Options::new(width)
        .initial_indent(&initial)
        .subsequent_indent(&subsequent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(words, options)
        .into_iter()
        .map(|line| line.trim_start().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_wrap_under_themselves_and_never_off_a_terminal() {
        let words = "one two three four five six seven eight nine ten";
        assert_eq!(wrapped(words, None, 0, 0), [words]);
        let lines = wrapped(words, Some(40), 10, 12);
        assert_eq!(lines, ["one two three four five six", "seven eight nine ten"]);
    }
}
