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

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_word_with_anything_special_is_quoted() {
        assert_eq!(shell_word("aks-prod"), "aks-prod");
        assert_eq!(shell_word("arn:aws:eks:x/y"), "arn:aws:eks:x/y");
        assert_eq!(shell_word("my prod"), "'my prod'");
        assert_eq!(shell_word("a'b$(c)"), r"'a'\''b$(c)'");
        assert_eq!(shell_word(""), "''");
    }
}
