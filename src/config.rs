//! What is configured and where it was said: a flag, the environment, shardctl.toml, in this order.
//!
//! shardctl.toml is the nearest upwards from the working directory, then the one in the user's configuration folder. Its
//! keys are the flags' names; a key that isn't known is refused with the nearest that is. What neither says comes from the
//! kubeconfig's context, then from the cluster, and is resolved where it is used.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::error::{Error, ErrorKind, Result};
use crate::nearest::nearest;

/// The file's name.
pub const FILE: &str = "shardctl.toml";

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By a flag, for example `--context`.
    Flag(String),
    /// By an environment variable.
    Environment(String),
    /// By a configuration file.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Environment(variable) => write!(f, "${variable}"),
            Origin::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The form of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// A whole number above nought.
    Count,
    /// A Kubernetes quantity: `32Gi`, or a bare number. Whether it can be followed is judged where it is used.
    Quantity,
    /// A length of time: `30s`.
    Duration,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    List,
}

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name: the flag's, without the dashes.
    pub name: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// The form of its value.
    pub form: Form,
    /// What holds where nobody says anything, in words.
    pub otherwise: &'static str,
}

/// Every key, in the order of `config show`.
pub const KEYS: &[Key] = &[
    key(
        "kubeconfig",
        "SHARDCTL_KUBECONFIG",
        Form::Text,
        "$KUBECONFIG, then ~/.kube/config, then the pod's service account",
    ),
    key(
        "context",
        "SHARDCTL_CONTEXT",
        Form::Text,
        "the kubeconfig's current context",
    ),
    key(
        "namespace",
        "SHARDCTL_NAMESPACE",
        Form::Text,
        "the context's, or `default`",
    ),
    key(
        "statefulset",
        "SHARDCTL_STATEFULSET",
        Form::Text,
        "the only one of the namespace",
    ),
    key("as", "SHARDCTL_AS", Form::Text, "yourself"),
    key("as-group", "SHARDCTL_AS_GROUP", Form::List, "none"),
    key("request-timeout", "SHARDCTL_REQUEST_TIMEOUT", Form::Duration, "30s"),
    key(
        "color",
        "SHARDCTL_COLOR",
        Form::OneOf(&["auto", "always", "never"]),
        "auto",
    ),
    key(
        "expect",
        "SHARDCTL_EXPECT",
        Form::Count,
        "an integer minAvailable of the budget, then spec.replicas",
    ),
    key(
        "phase",
        "SHARDCTL_PHASE",
        Form::OneOf(&["explore", "stable"]),
        "inferred from the template",
    ),
    key("skip", "SHARDCTL_SKIP", Form::List, "no check"),
    key("dns", "SHARDCTL_DNS", Form::Text, "port-forward; system inside a pod"),
    key("dns-timeout", "SHARDCTL_DNS_TIMEOUT", Form::Duration, "2s"),
    key(
        "cluster-domain",
        "SHARDCTL_CLUSTER_DOMAIN",
        Form::Text,
        "from CoreDNS's configuration, or resolv.conf inside a shard",
    ),
    key("name", "SHARDCTL_NAME", Form::Text, "biometric"),
    key("shards", "SHARDCTL_SHARDS", Form::Count, "10"),
    key("memory", "SHARDCTL_MEMORY", Form::Quantity, "32Gi"),
    key("cpu", "SHARDCTL_CPU", Form::Quantity, "2"),
    key("image", "SHARDCTL_IMAGE", Form::Text, "a web server that answers"),
    key("port", "SHARDCTL_PORT", Form::Count, "8080"),
    key("probe", "SHARDCTL_PROBE", Form::Text, "/"),
    key(
        "storage-class",
        "SHARDCTL_STORAGE_CLASS",
        Form::Text,
        "managed-csi-premium",
    ),
    key("storage", "SHARDCTL_STORAGE", Form::Quantity, "100Gi"),
    key("zones", "SHARDCTL_ZONES", Form::List, "whichever Karpenter finds"),
    key(
        "sizes",
        "SHARDCTL_SIZES",
        Form::List,
        "Standard_E8s_v5, Standard_E16s_v5, Standard_E20s_v5, Standard_E32s_v5",
    ),
    key("size", "SHARDCTL_SIZE", Form::Text, "Standard_E16s_v5"),
    key("priority", "SHARDCTL_PRIORITY", Form::Count, "1000000"),
    key(
        "node-class",
        "SHARDCTL_NODE_CLASS",
        Form::Text,
        "an AKSNodeClass for each phase",
    ),
    key("catalog", "SHARDCTL_CATALOG", Form::Text, "Azure's sizes, built in"),
];

const fn key(name: &'static str, variable: &'static str, form: Form, otherwise: &'static str) -> Key {
    Key {
        name,
        variable,
        form,
        otherwise,
    }
}

/// A value, as words, and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The value: one word, or several for a list.
    pub words: Vec<String>,
    /// Where.
    pub origin: Origin,
}

/// The configuration in force.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Said>,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Puts the layers together. `flags` are the keys that the command line named, `file` is `--config`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a file that can't be read or isn't TOML, a key that isn't known, a value of the wrong form.
    pub fn gather(flags: &[(&'static str, Vec<String>)], file: Option<&Path>) -> Result<Settings> {
        let variables = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let file = match file {
            Some(named) => Some(named.to_owned()),
            None => find_file(),
        };
        let from_file = match &file {
            Some(path) => read_file(path)?,
            None => BTreeMap::new(),
        };
        let mut values = from_file;
        for key in KEYS {
            if let Some(value) = variables(key.variable) {
                let origin = Origin::Environment(key.variable.to_owned());
                let words = match key.form {
                    Form::List => value.split(',').map(|word| word.trim().to_owned()).collect(),
                    Form::Text | Form::Count | Form::Duration | Form::Quantity | Form::OneOf(_) => vec![value],
                };
                values.insert(key.name, checked(key, Said { words, origin })?);
            }
        }
        let typed = Settings::of_flags(flags).values;
        // The other forms of flags are judged as the command line is read.
        for key in KEYS.iter().filter(|key| key.form == Form::Duration) {
            if let Some(said) = typed.get(key.name) {
                checked(key, said.clone())?;
            }
        }
        values.extend(typed);
        Ok(Settings { values, file })
    }

    /// What the command line says alone: neither environment nor file is looked at.
    pub fn of_flags(flags: &[(&'static str, Vec<String>)]) -> Settings {
        let said = flags
            .iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(name, words)| {
                let origin = Origin::Flag(format!("--{name}"));
                let words = words.clone();
                (*name, Said { words, origin })
            });
        Settings {
            values: said.collect(),
            file: None,
        }
    }

    /// A value and where it was said.
    pub fn said(&self, name: &str) -> Option<&Said> {
        self.values.get(name)
    }

    /// A single value.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.words.first().map(String::as_str)
    }

    /// A list; empty where nobody says anything.
    pub fn words(&self, name: &str) -> &[String] {
        self.values
            .get(name)
            .map(|said| said.words.as_slice())
            .unwrap_or_default()
    }

    /// A duration such as `30s`, `10m`, `1h 30m`; `0` is none at all.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] with where it was said.
    pub fn duration(&self, name: &str, otherwise: std::time::Duration) -> Result<std::time::Duration> {
        let Some(said) = self.values.get(name) else {
            return Ok(otherwise);
        };
        let text = said.words.first().map(String::as_str).unwrap_or_default();
        duration(text).ok_or_else(|| not_a_duration(text, &said.origin.to_string()))
    }
}

/// Reads a duration: jiff's friendly format (`90s`, `1m 30s`), or `0`.
pub fn duration(text: &str) -> Option<std::time::Duration> {
    if text == "0" {
        return Some(std::time::Duration::ZERO);
    }
    let length: jiff::SignedDuration = text.parse().ok()?;
    length.try_into().ok()
}

/// The error for words that aren't a duration; `place` is the flag, variable or file.
pub fn not_a_duration(text: &str, place: &str) -> Error {
    Error::usage(format!("`{text}` ({place}) is not a duration"))
        .hint("write it as 30s, 10m or 1h30m; 0 means no limit")
}

fn find_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let upwards = here
        .iter()
        .flat_map(|folder| folder.ancestors())
        .map(|folder| folder.join(FILE));
    let home = etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.config_dir().join("shardctl").join(FILE));
    upwards.chain(home).find(|path| path.is_file())
}

fn read_file(path: &Path) -> Result<BTreeMap<&'static str, Said>> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::new(ErrorKind::File, format!("failed to read {place}: {error}")).because(error))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map(|span| format!(" at line {}", text[..span.start].lines().count().max(1)))
            .unwrap_or_default();
        Error::usage(format!("{place} isn't TOML{line}: {}", error.message()))
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in &table {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            let near = nearest(name, &names);
            let error = Error::usage(format!("{place}: there is no key `{name}`"));
            return Err(if near.is_empty() {
                error.hint(format!("the keys are: {}", names.join(", ")))
            } else {
                error.hint(format!("did you mean `{}`?", near.join("` or `")))
            });
        };
        let words = words_of(key, value).ok_or_else(|| wrong_form(key, &place.to_string()))?;
        let origin = Origin::File(path.to_owned());
        values.insert(key.name, checked(key, Said { words, origin })?);
    }
    Ok(values)
}

fn words_of(key: &Key, value: &toml::Value) -> Option<Vec<String>> {
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    match key.form {
        Form::Text | Form::Duration | Form::OneOf(_) => Some(vec![text(value)?]),
        Form::Count => Some(vec![value.as_integer()?.to_string()]),
        Form::Quantity => {
            let number = || Some(value.as_integer()?.to_string());
            let fraction = || Some(value.as_float()?.to_string());
            Some(vec![text(value).or_else(number).or_else(fraction)?])
        }
        Form::List => value.as_array()?.iter().map(text).collect(),
    }
}

fn checked(key: &Key, said: Said) -> Result<Said> {
    if key.form == Form::Duration {
        let wrong = said.words.iter().find(|word| duration(word).is_none());
        return wrong.map_or(Ok(said.clone()), |word| {
            Err(not_a_duration(word, &said.origin.to_string()))
        });
    }
    let fits = match key.form {
        Form::Text | Form::Duration | Form::Quantity => said.words.iter().all(|word| !word.is_empty()),
        Form::List => true,
        Form::OneOf(words) => said.words.iter().all(|word| words.contains(&word.as_str())),
        Form::Count => said
            .words
            .iter()
            .all(|word| word.parse::<i32>().is_ok_and(|count| count > 0)),
    };
    if fits {
        Ok(said)
    } else {
        Err(wrong_form(key, &said.origin.to_string()))
    }
}

fn wrong_form(key: &Key, place: &str) -> Error {
    let form = match key.form {
        Form::Text => "a text that isn't empty".to_owned(),
        Form::Count => "a whole number above nought".to_owned(),
        Form::Quantity => "a quantity, as 32Gi or 1.5".to_owned(),
        Form::Duration => "a duration, as 30s".to_owned(),
        Form::OneOf(words) => format!("one of {}", words.join(", ")),
        Form::List => "a list of texts".to_owned(),
    };
    Error::usage(format!("{place}: `{}` must be {form}", key.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<BTreeMap<&'static str, Said>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, text).unwrap();
        read_file(&path)
    }

    #[test]
    fn keys_are_the_flags_names_and_a_mistyped_one_is_refused_with_the_nearest() {
        let read = file("namespace = \"shards\"\nexpect = 10\nskip = [\"API-03\"]\n").unwrap();
        assert_eq!(read["namespace"].words, ["shards"]);
        assert_eq!(read["expect"].words, ["10"]);
        let read = file("cpu = 2\nmemory = \"32Gi\"\n").unwrap();
        assert_eq!([&read["cpu"].words[0], &read["memory"].words[0]], ["2", "32Gi"]);
        let error = file("namspace = \"shards\"").unwrap_err();
        assert!(error.message().contains("there is no key `namspace`"), "{error}");
        assert_eq!(error.hints(), ["did you mean `namespace`?"]);
    }

    #[test]
    fn a_value_of_the_wrong_form_says_which_form_is_right() {
        for (text, right) in [
            ("expect = \"ten\"", "a whole number above nought"),
            ("expect = 0", "a whole number above nought"),
            ("phase = \"prod\"", "one of explore, stable"),
            ("skip = \"API-03\"", "a list of texts"),
            ("namespace = \"\"", "a text that isn't empty"),
            ("memory = [32]", "a quantity, as 32Gi or 1.5"),
        ] {
            assert!(file(text).unwrap_err().message().ends_with(right), "{text}");
        }
        assert!(file("a = [").unwrap_err().message().contains("isn't TOML at line 1"));
    }

    #[test]
    fn a_flag_comes_before_the_file() {
        let settings = Settings::gather(&[("expect", vec!["3".to_owned()])], None).unwrap();
        assert_eq!(
            settings.said("expect").unwrap().origin,
            Origin::Flag("--expect".to_owned())
        );
    }

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("10m").unwrap().as_secs(), 600);
        assert_eq!(duration("1h30m").unwrap().as_secs(), 5400);
        assert_eq!(duration("0").unwrap().as_secs(), 0);
        assert!(duration("ten").is_none());
        assert!(duration("-5s").is_none());
    }
}
