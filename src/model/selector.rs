//! A label selector as people type it (`-l pool=a,zone in (1, 2),!spot`), read into the form that objects hold.
//!
//! The grammar is that of k8s.io/apimachinery/pkg/labels/selector.go, without its `>` and `<`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Reads a selector; every term of it has to hold.
///
/// # Errors
/// What isn't understood, a clause.
pub fn parse(text: &str) -> Result<LabelSelector, String> {
    let mut exact = BTreeMap::new();
    let mut terms = Vec::new();
    for term in split(text)? {
        let (key, operator, values) = one(term).ok_or_else(|| format!("`{term}` is no term of a label selector"))?;
        match (operator, values.as_slice()) {
            ("=", [value]) => {
                let before = exact.insert(key.to_owned(), (*value).to_owned());
                if before.is_some_and(|before| before != *value) {
                    return Err(format!("no object has two values of {key}"));
                }
            }
            _ => terms.push(LabelSelectorRequirement {
                key: key.to_owned(),
                operator: operator.to_owned(),
                values: (!values.is_empty()).then(|| values.iter().map(|value| (*value).to_owned()).collect()),
            }),
        }
    }
    Ok(LabelSelector {
        match_labels: (!exact.is_empty()).then_some(exact),
        match_expressions: (!terms.is_empty()).then_some(terms),
    })
}

/// The terms: commas part them, but not within parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut terms, mut from, mut inside) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("the parentheses of `{text}` don't match")),
            ',' if !inside => {
                terms.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("the parentheses of `{text}` don't match"));
    }
    terms.push(text[from..].trim());
    if terms.contains(&"") {
        return Err("a label selector has no empty terms".to_owned());
    }
    Ok(terms)
}

/// A term's key, operator (`=` for one exact value) and values.
fn one(term: &str) -> Option<(&str, &'static str, Vec<&str>)> {
    if let Some(key) = term.strip_prefix('!') {
        return is_key(key.trim()).then(|| (key.trim(), "DoesNotExist", Vec::new()));
    }
    if let Some(list) = term.strip_suffix(')') {
        let (before, list) = list.split_once('(')?;
        let (key, word) = before.trim().rsplit_once(char::is_whitespace)?;
        let values: Vec<&str> = list.split(',').map(str::trim).collect();
        let operator = match word {
            "in" => "In",
            "notin" => "NotIn",
            _ => return None,
        };
        let fine = is_key(key.trim()) && values.iter().all(|value| is_value(value));
        return fine.then(|| (key.trim(), operator, values));
    }
    let Some((key, value)) = term.split_once('=') else {
        return is_key(term).then(|| (term, "Exists", Vec::new()));
    };
    let value = value.strip_prefix('=').unwrap_or(value).trim();
    let (key, operator) = match key.strip_suffix('!') {
        Some(key) => (key.trim(), "NotIn"),
        None => (key.trim(), "="),
    };
    (is_key(key) && is_value(value)).then(|| (key, operator, vec![value]))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

fn is_value(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::set::{selector_query, selects};

    fn picks(text: &str) -> bool {
        let labels = [("pool", "a"), ("karpenter.sh/nodepool", "stable"), ("empty", "")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        selects(&parse(text).unwrap(), Some(&BTreeMap::from(labels)))
    }

    #[test]
    fn every_form_that_kubectl_takes_is_read() {
        for text in [
            "pool=a",
            "pool==a",
            " pool = a , karpenter.sh/nodepool=stable",
            "pool in (a, b)",
            "pool notin (b)",
            "pool!=b",
            "spot!=true",
            "pool",
            "!spot",
            "empty=",
        ] {
            assert!(picks(text), "{text}");
        }
        for text in [
            "pool=b",
            "pool in (b,c)",
            "pool!=a",
            "spot",
            "!pool",
            "pool=a,spot=true",
        ] {
            assert!(!picks(text), "{text}");
        }
        assert_eq!(
            selector_query(&parse("pool=a,zone in (1, 2)").unwrap()),
            "pool=a,zone in (1,2)"
        );
    }

    #[test]
    fn what_is_no_selector_is_named() {
        for text in [
            "",
            "pool=a,",
            "pool in a",
            "pool in (a",
            "po ol=a",
            "=a",
            "pool=a,pool=b",
            "pool>1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
