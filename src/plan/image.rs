//! Which image for which container: what `--image` says, and whether a reference is one.
//!
//! The grammar is that of github.com/distribution/reference, which kubelets and registries go by.

use std::fmt;

/// What one `--image` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The container; none where the only one is meant.
    pub container: Option<String>,
    /// The image.
    pub image: String,
}

/// Why images can't be set as asked, with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The words aren't an image reference.
    NotAReference {
        /// The words.
        written: String,
        /// Why not, a clause.
        why: String,
    },
    /// What stands before `=` can't be a container's name.
    NotAName(String),
    /// No container has that name.
    NoSuchContainer {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// There are several containers and none is named.
    NameOne {
        /// The image.
        image: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A container was given two images.
    Twice(String),
    /// The template has no containers.
    NoContainers,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::NotAReference { written, why } => write!(f, "`{written}` isn't an image reference: {why}"),
            ImageError::NotAName(name) => write!(
                f,
                "`{name}` can't be a container's name; write --image CONTAINER=IMAGE, or the image alone"
            ),
            ImageError::NoSuchContainer { name, known } => {
                write!(f, "the template has no container {name}; it has {}", known.join(", "))
            }
            ImageError::NameOne { image, known } => write!(
                f,
                "the template has several containers ({}); write --image {}={image}, or whichever is meant",
                known.join(", "),
                known.first().map_or("CONTAINER", String::as_str)
            ),
            ImageError::Twice(name) => write!(f, "container {name} is given two images"),
            ImageError::NoContainers => f.write_str("the template has no containers"),
        }
    }
}

impl std::error::Error for ImageError {}

impl Wanted {
    /// Reads `REF` or `CONTAINER=REF`. No reference holds a `=`, so the first one ends a name.
    ///
    /// # Errors
    /// Where the reference isn't one, or the name can't be a container's.
    pub fn parse(text: &str) -> Result<Wanted, ImageError> {
        let (container, image) = match text.split_once('=') {
            Some((name, image)) => (Some(name), image),
            None => (None, text),
        };
        if let Some(name) = container.filter(|name| !is_name(name)) {
            return Err(ImageError::NotAName(name.to_owned()));
        }
        if let Some(why) = refusal(image) {
            return Err(ImageError::NotAReference {
                written: image.to_owned(),
                why,
            });
        }
        Ok(Wanted {
            container: container.map(str::to_owned),
            image: image.to_owned(),
        })
    }
}

/// Whether words are a DNS label, as containers' names are.
fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().all(|byte| inside(byte) || byte == b'-')
        && text.bytes().next().is_some_and(inside)
        && text.bytes().last().is_some_and(inside)
}

/// A reference without its tag and digest: what they are both of.
pub fn repository(reference: &str) -> &str {
    let named = reference.split('@').next().unwrap_or_default();
    split_tag(named).0
}

/// The digest that a reference, or an image's id, ends with.
pub fn digest(reference: &str) -> Option<&str> {
    reference.split_once('@').map(|(_, digest)| digest)
}

/// Name and tag: a colon before the last slash belongs to a port.
fn split_tag(named: &str) -> (&str, Option<&str>) {
    let path = named.rfind('/').map_or(0, |slash| slash + 1);
    match named[path..].rfind(':') {
        Some(colon) => (&named[..path + colon], Some(&named[path + colon + 1..])),
        None => (named, None),
    }
}

/// Why words aren't an image reference, a clause; none where they are.
pub fn refusal(reference: &str) -> Option<String> {
    if reference.is_empty() {
        return Some("it is empty".to_owned());
    }
    if reference.chars().any(char::is_whitespace) {
        return Some("it holds a space".to_owned());
    }
    if reference.contains("://") {
        return Some("it is an address; leave out what stands before the registry's name".to_owned());
    }
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    if let Some(why) = digest.and_then(digest_refusal) {
        return Some(why);
    }
    let (repository, tag) = split_tag(named);
    let mut parts: Vec<&str> = repository.split('/').collect();
    // A lone word before a colon can be nothing but a repository; `localhost/x` and `host:5000/x` begin with a registry.
    let first = parts[0];
    let is_registry = parts.len() > 1
        && (first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase()));
    if is_registry {
        if !is_host(first) {
            return Some(format!("`{first}` can't be a registry"));
        }
        parts.remove(0);
    }
    if let Some(bad) = parts.iter().find(|part| !is_path_part(part)) {
        return Some(match *bad {
            "" => "a part of its path is empty".to_owned(),
            bad if bad.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                format!("a repository is written in lower case, and `{bad}` isn't")
            }
            bad => format!("`{bad}` can't be a part of a repository's path"),
        });
    }
    if repository.len() > 255 {
        return Some("a repository has at most 255 characters".to_owned());
    }
    if !is_registry
        && parts.len() == 1
        && repository.len() == 64
        && repository.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Some("it is an image's id, and names no repository".to_owned());
    }
    match tag {
        Some("") => Some("its tag is empty".to_owned()),
        Some(tag) if !is_tag(tag) => Some(format!("`{tag}` can't be a tag")),
        _ => None,
    }
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// Lower-case letters and digits, parted by one dot, one or two underscores, or any number of hyphens.
fn is_path_part(part: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let between: Vec<&str> = part
        .split(|c: char| u8::try_from(c).is_ok_and(letter))
        .filter(|between| !between.is_empty())
        .collect();
    part.bytes().next().is_some_and(letter)
        && part.bytes().last().is_some_and(letter)
        && between
            .iter()
            .all(|between| matches!(*between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let address = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
            return address && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
        }
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn digest_refusal(digest: &str) -> Option<String> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Some("its digest has no algorithm, as in @sha256:…".to_owned());
    };
    let parts_fit = algorithm.split(['-', '_', '+', '.']).all(|part| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let length = match algorithm {
        "sha256" => Some(64),
        "sha384" => Some(96),
        "sha512" => Some(128),
        _ => None,
    };
    let length_fits = length.map_or(hex.len() >= 32, |length| hex.len() == length);
    if parts_fit && length_fits && hex.bytes().all(lower) {
        return None;
    }
    Some(match length {
        Some(length) => format!("a {algorithm} digest has {length} characters of 0-9 and a-f"),
        None => format!("`{digest}` can't be a digest"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_registries_take_are_taken() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        for reference in [
            "nginx".to_owned(),
            "nginx:1.27".to_owned(),
            "library/nginx".to_owned(),
            "localhost/x:y".to_owned(),
            "registry:5000/a/b:tag".to_owned(),
            format!("registry:5000/a/b:tag@{digest}"),
            format!("registry.example/shard@{digest}"),
            "[::1]:5000/a:1".to_owned(),
            "Registry.Example/a__b/c--d.e_f:V_1.0-x".to_owned(),
            "a:5000".to_owned(),
        ] {
            assert_eq!(refusal(&reference), None, "{reference}");
            assert_eq!(Wanted::parse(&reference).unwrap().container, None);
        }
    }

    #[test]
    fn what_no_registry_takes_is_refused_with_its_reason() {
        for (reference, why) in [
            ("", "empty"),
            ("a b", "space"),
            ("a:1\n", "space"),
            ("https://registry.example/a:1", "address"),
            ("registry.example/App:1", "lower case"),
            ("App:1", "lower case"),
            ("registry.example/a:", "tag is empty"),
            ("registry.example/a:-1", "can't be a tag"),
            ("registry.example//a", "empty"),
            ("registry.example/", "empty"),
            ("reg_istry.example/a", "can't be a registry"),
            ("registry.example:x/a", "can't be a registry"),
            ("a___b", "can't be a part"),
            ("a.-b", "can't be a part"),
            ("a@sha256:12", "64 characters"),
            ("a@12", "no algorithm"),
            ("ä:1", "can't be a part"),
            (&"0123456789abcdef".repeat(4), "id"),
        ] {
            let found = refusal(reference).unwrap_or_else(|| panic!("{reference} is refused"));
            assert!(found.contains(why), "{reference}: {found}");
        }
        assert!(refusal(&format!("a:{}", "x".repeat(129))).is_some());
        assert!(refusal(&format!("{}x", "a/".repeat(128))).is_some());
    }

    #[test]
    fn what_stands_before_the_first_equals_sign_is_a_container() {
        let wanted = Wanted::parse("side-car=registry:5000/a/b:tag").unwrap();
        assert_eq!(wanted.container.as_deref(), Some("side-car"));
        assert_eq!(wanted.image, "registry:5000/a/b:tag");
        assert_eq!(
            Wanted::parse("registry/a=b"),
            Err(ImageError::NotAName("registry/a".to_owned()))
        );
        assert!(matches!(Wanted::parse("db="), Err(ImageError::NotAReference { .. })));
        assert!(matches!(Wanted::parse("=a"), Err(ImageError::NotAName(_))));
        assert!(matches!(Wanted::parse("a=b=c"), Err(ImageError::NotAReference { .. })));
    }

    #[test]
    fn a_repository_is_what_tag_and_digest_are_of() {
        assert_eq!(repository("registry:5000/a/b:tag@sha256:1"), "registry:5000/a/b");
        assert_eq!(repository("registry:5000/a"), "registry:5000/a");
        assert_eq!(repository("a:1"), "a");
        assert_eq!(digest("a@sha256:1"), Some("sha256:1"));
        assert_eq!(digest("a:1"), None);
    }
}
