//! Writes HTML in which words can't become markup: what is dynamic goes through [`Markup::text`] or an attribute's value, both
//! escaped; tags and attributes' names are fixed.

use crate::report::untrusted::visible;

/// Elements without an end tag.
const VOID: [&str; 1] = ["meta"];

/// A piece of HTML, growing.
#[derive(Default)]
pub struct Markup(String);

impl Markup {
    /// What was written.
    pub fn into_text(self) -> String {
        self.0
    }

    /// Writes words, escaped, with what steers a terminal or the direction of reading written out.
    pub fn text(&mut self, words: &str) {
        for c in visible(words).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Writes lines that end where they end: for a `pre`.
    pub fn lines(&mut self, text: &str) {
        for line in text.lines() {
            self.text(line);
            self.fixed("\n");
        }
    }

    /// Writes what shardctl itself has, as it stands: the style sheet, the doctype.
    pub fn fixed(&mut self, text: &'static str) {
        self.0.push_str(text);
    }

    /// An element with attributes and what is within.
    pub fn within(&mut self, tag: &'static str, attributes: &[(&'static str, &str)], inside: impl FnOnce(&mut Markup)) {
        self.fixed("<");
        self.fixed(tag);
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.fixed(" ");
            self.fixed(name);
            self.fixed("=\"");
            self.text(value);
            self.fixed("\"");
        }
        self.fixed(">");
        inside(self);
        if !VOID.contains(&tag) {
            self.fixed("</");
            self.fixed(tag);
            self.fixed(">");
        }
    }

    /// An element of a class (none where that is empty) with nothing but words in it.
    pub fn element(&mut self, tag: &'static str, class: &str, words: &str) {
        self.within(tag, &[("class", class)], |inside| inside.text(words));
    }
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn words_stay_words_wherever_they_stand() {
        let mut markup = Markup::default();
        let hostile = "\"><script>alert('1')</script>&amp;\u{202e}";
        markup.within("p", &[("title", hostile), ("class", "")], |p| p.text(hostile));
        let escaped = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\\u{202e}";
        assert_eq!(markup.into_text(), format!("<p title=\"{escaped}\">{escaped}</p>"));
    }
}
