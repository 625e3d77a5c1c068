//! The one function through which words from a cluster are printed: it makes visible what a terminal would obey.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character steers the terminal or the reading direction, or can't be seen at all.
///
/// C0 and C1 controls (an escape sequence starts with one), DEL, bidirectional marks and overrides ("Trojan Source",
/// CVE-2021-42574), zero-width characters and the separators U+2028 and U+2029.
pub fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every treacherous character written out: `\n`, `\t`, `\e` for escape, `\u{202e}` and the like.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            c if is_treacherous(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("shard-3"), "shard-3");
        assert_eq!(visible("\u{1b}[2Jgone\u{7}"), "\\e[2Jgone\\u{7}");
        assert_eq!(visible("a\u{202e}b\u{9b}31m"), "a\\u{202e}b\\u{9b}31m");
        assert_eq!(visible("two\nlines\r"), "two\\nlines\\r");
        assert_eq!(visible("größer → ü 日本"), "größer → ü 日本");
    }
}
