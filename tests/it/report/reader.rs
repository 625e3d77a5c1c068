//! A reader of the page as strict as can be: a tokenizer by the standard, every element closed in order, nothing that loads or
//! runs.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements without an end.
const VOID: [&str; 1] = ["meta"];
/// Every element that the page may have: none of them loads, runs or leads anywhere.
const KNOWN: [&str; 29] = [
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "span", "dl", "dt", "dd", "ul", "li",
    "i", "pre", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary", "footer", "code",
];
/// Every attribute that it may have.
const ATTRIBUTES: [&str; 9] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "style",
    "title",
    "aria-hidden",
];

/// A page that was read.
pub struct Page {
    /// What a person reads, without the style sheet; attributes' values aren't in it.
    pub text: String,
    /// How many elements there are of a name.
    pub elements: BTreeMap<String, usize>,
    /// What is shown at a stretch of the timeline.
    pub titles: Vec<String>,
}

/// Reads a page, and asserts that it is well-formed and loads and runs nothing.
#[track_caller]
pub fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page {
        text: String::new(),
        elements: BTreeMap::new(),
        titles: Vec::new(),
    };
    let mut open: Vec<String> = Vec::new();
    let word = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = word(&tag.name);
                assert!(KNOWN.contains(&name.as_str()), "<{name}> has no place in a page");
                *page.elements.entry(name.clone()).or_default() += 1;
                for (attribute, value) in &tag.attributes {
                    let (attribute, value) = (word(attribute), word(value));
                    assert!(ATTRIBUTES.contains(&attribute.as_str()), "{attribute} of <{name}>");
                    match attribute.as_str() {
                        "style" => assert_plain(&value),
                        "title" => page.titles.push(value),
                        _ => assert!(!value.contains("://"), "{attribute}={value}"),
                    }
                }
                if !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(word(&tag.name)), "closed in order"),
            Token::String(text) => {
                let text = word(&text);
                if open.last().is_some_and(|name| name == "style") {
                    assert_loads_nothing(&text);
                } else {
                    page.text.push_str(&text);
                    page.text.push('\n');
                }
            }
            Token::Doctype(doctype) => assert_eq!(word(&doctype.name), "html"),
            Token::Comment(comment) => panic!("a comment: {}", word(&comment)),
            Token::Error(error) => panic!("{:?} in {html}", error.value),
        }
    }
    assert_eq!(open, Vec::<String>::new(), "never closed");
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\">";
    assert!(html.contains(policy), "the browser is told to load nothing");
    page
}

/// A place on the timeline, and nothing else.
#[track_caller]
fn assert_plain(style: &str) {
    let number = |value: &str| {
        value
            .strip_suffix('%')
            .is_some_and(|number| number.parse::<f64>().is_ok())
    };
    for (name, value) in style.split(';').filter_map(|part| part.split_once(':')) {
        let known = match name {
            "left" | "width" => number(value),
            "position" => value == "static",
            _ => false,
        };
        assert!(known, "{style}");
    }
}

#[track_caller]
fn assert_loads_nothing(sheet: &str) {
    for loader in [
        "url(",
        "@import",
        "@font-face",
        "src(",
        "image(",
        "image-set(",
        "//",
        "expression(",
    ] {
        assert!(!sheet.contains(loader), "{loader} in the style sheet");
    }
}
