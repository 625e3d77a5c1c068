//! Words for a shell: commands in remedies and hints are copied, whatever a name holds.

/// A word as a POSIX shell reads it back unchanged.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command line as a POSIX shell splits it: by space outside of quotes. None where a quote isn't closed.
pub fn words_of(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::{shell_word, words_of};

    #[test]
    fn a_line_is_split_as_it_was_quoted() {
        let split = |line: &str| words_of(line).unwrap();
        assert_eq!(split("  a  --b=c 'd e' \"f '\" ''"), ["a", "--b=c", "d e", "f '", ""]);
        for word in ["my prod", "a'b$(c)", "", "x\\y"] {
            assert_eq!(split(&format!("a {} b", shell_word(word))), ["a", word, "b"]);
        }
        assert_eq!(words_of("a 'b"), None);
        assert_eq!(words_of("a\\"), None);
    }

    #[test]
    fn a_word_with_anything_special_is_quoted() {
        assert_eq!(shell_word("aks-prod"), "aks-prod");
        assert_eq!(shell_word("arn:aws:eks:x/y"), "arn:aws:eks:x/y");
        assert_eq!(shell_word("my prod"), "'my prod'");
        assert_eq!(shell_word("a'b$(c)"), r"'a'\''b$(c)'");
        assert_eq!(shell_word(""), "''");
    }
}
