//! The reference workload's parameters: what `render` and `deploy` make objects from. Wrong ones are refused with their name.

use super::asked;
use super::quantity::Amount;

/// A parameter that can't be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The parameter's name, which is the flag's and the key's: `memory`.
    pub parameter: &'static str,
    /// What is wrong with it, a sentence without a full stop.
    pub what: String,
    /// The names that would do, where it is one of some.
    pub known: Vec<String>,
}

impl Wrong {
    /// What makes one of a parameter's from words.
    pub fn of(parameter: &'static str) -> impl Fn(String) -> Wrong {
        move |what| Wrong {
            parameter,
            what,
            known: Vec::new(),
        }
    }
}

/// A workload of so many shards. The defaults are the reference workload's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What all names begin with: `biometric`.
    pub name: String,
    /// The namespace; `NAME-shards` where nobody says otherwise.
    pub namespace: String,
    /// How many shards.
    pub shards: u32,
    /// The memory of a shard, as a quantity.
    pub memory: String,
    /// The CPU of a shard, as a quantity.
    pub cpu: String,
    /// The image of a shard's container.
    pub image: String,
    /// The port that a shard serves at.
    pub port: u16,
    /// How a shard is asked whether it is ready.
    pub probe: Probe,
    /// The storage class of a shard's disk.
    pub storage_class: String,
    /// The size of a shard's disk, as a quantity.
    pub storage: String,
    /// The zones that nodes may be in; every zone where none is named.
    pub zones: Vec<String>,
    /// The sizes that Karpenter may pick among in the explore phase.
    pub sizes: Vec<String>,
    /// The size that the stable phase pins.
    pub size: String,
    /// The value of the priority class.
    pub priority: i32,
    /// The node class that Karpenter's pools refer to, where it isn't one of ours: EKS, a class that several pools share.
    pub node_class: Option<NodeClass>,
}

/// How a shard is asked whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// By HTTP, at this path.
    Http(String),
    /// By opening a connection.
    Tcp,
}

impl Probe {
    /// Reads `/ready` or `tcp`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Probe, String> {
        match text {
            "tcp" => Ok(Probe::Tcp),
            path if path.starts_with('/') && !path.contains(char::is_whitespace) => Ok(Probe::Http(path.to_owned())),
            _ => Err(format!(
                "`{text}` is neither a path that begins with a slash (/ready) nor `tcp`"
            )),
        }
    }
}

/// A node class by what a NodePool names it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClass {
    /// The API group: `karpenter.k8s.aws`.
    pub group: String,
    /// The kind: `EC2NodeClass`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl NodeClass {
    /// Reads `GROUP/KIND/NAME`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<NodeClass, String> {
        let refused = || format!("`{text}` isn't GROUP/KIND/NAME, as in karpenter.k8s.aws/EC2NodeClass/default");
        let parts: Vec<&str> = text.split('/').collect();
        let [group, kind, name] = parts[..] else {
            return Err(refused());
        };
        let is_kind =
            kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphanumeric());
        if !(is_kind && group.contains('.') && is_subdomain(group) && is_subdomain(name)) {
            return Err(refused());
        }
        Ok(NodeClass {
            group: group.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// A name as most objects have one (RFC 1123).
fn is_subdomain(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

impl Default for Workload {
    fn default() -> Workload {
        let sizes = ["E8s", "E16s", "E20s", "E32s"].map(|size| format!("Standard_{size}_v5"));
        Workload {
            name: "biometric".to_owned(),
            namespace: "biometric-shards".to_owned(),
            shards: 10,
            memory: "32Gi".to_owned(),
            cpu: "2".to_owned(),
            image: "docker.io/nginxinc/nginx-unprivileged:1.29-alpine".to_owned(),
            port: 8080,
            probe: Probe::Http("/".to_owned()),
            storage_class: "managed-csi-premium".to_owned(),
            storage: "100Gi".to_owned(),
            zones: Vec::new(),
            size: sizes[1].clone(),
            sizes: sizes.to_vec(),
            priority: 1_000_000,
            node_class: None,
        }
    }
}

/// The longest `name`: with `-explore` or an ordinal behind it, it is still a label's value.
const LONGEST_NAME: usize = 40;
/// The highest priority that isn't Kubernetes' own.
const HIGHEST_PRIORITY: i32 = 1_000_000_000;

impl Workload {
    /// Judges the parameters.
    ///
    /// # Errors
    /// The first that can't be followed.
    pub fn check(&self) -> Result<(), Wrong> {
        let wrong = Wrong::of;
        label("name", &self.name, LONGEST_NAME)?;
        label("namespace", &self.namespace, 63)?;
        asked::count("shards", &self.shards.to_string()).map_err(wrong("shards"))?;
        asked::memory(&self.memory).map_err(wrong("memory"))?;
        asked::cpu(&self.cpu).map_err(wrong("cpu"))?;
        asked::memory(&self.storage).map_err(|_| wrong("storage")(disk(&self.storage)))?;
        if self.port == 0 {
            return Err(wrong("port")("0 is no port: they are 1 to 65535".to_owned()));
        }
        if self.image.is_empty() || self.image.contains(char::is_whitespace) {
            return Err(wrong("image")(format!("`{}` is no image", self.image)));
        }
        if !is_subdomain(&self.storage_class) {
            let what = format!("`{}` is no name of a storage class", self.storage_class);
            return Err(wrong("storage-class")(what));
        }
        if self.sizes.is_empty() {
            return Err(wrong("sizes")("there is no size to pick among".to_owned()));
        }
        for (parameter, names) in [("zones", &self.zones), ("sizes", &self.sizes)] {
            if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
                return Err(wrong(parameter)(format!("{} is there twice", twice.1)));
            }
            if names.iter().any(String::is_empty) {
                return Err(wrong(parameter)("one of them has no name".to_owned()));
            }
        }
        if self.size.is_empty() {
            return Err(wrong("size")("the size has no name".to_owned()));
        }
        if self.priority <= 0 {
            let what = format!("{} is not above 0, where everybody else's pods are", self.priority);
            return Err(wrong("priority")(what));
        }
        if self.priority > HIGHEST_PRIORITY {
            let what = format!(
                "{} is above {HIGHEST_PRIORITY}, where Kubernetes' own begin",
                self.priority
            );
            return Err(wrong("priority")(what));
        }
        Ok(())
    }
}

/// What is wrong with the size of a disk.
fn disk(text: &str) -> String {
    match Amount::parse(text) {
        Ok(_) => format!("`{text}` is no size of a disk: write it as 100Gi"),
        Err(error) => format!("{error}: write the size of a disk as 100Gi"),
    }
}

/// A name that Kubernetes takes as a part of a DNS name (RFC 1123).
fn label(parameter: &'static str, text: &str, longest: usize) -> Result<(), Wrong> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || c == '-');
    if !fits {
        let what = format!("`{text}` must be small letters, digits and dashes, with a letter first and no dash last");
        return Err(Wrong::of(parameter)(what));
    }
    if text.len() > longest {
        let what = format!("`{text}` has {} letters; {longest} are the most", text.len());
        return Err(Wrong::of(parameter)(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Workload)) -> Wrong {
        let mut workload = Workload::default();
        change(&mut workload);
        workload.check().unwrap_err()
    }

    #[test]
    fn the_reference_workload_is_fine() {
        assert_eq!(Workload::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_with_its_name() {
        assert_eq!(refused(|of| of.shards = 0).parameter, "shards");
        let memory = refused(|of| of.memory = "32GB".to_owned());
        assert_eq!(memory.parameter, "memory");
        assert!(memory.what.contains("32Gi"), "{}", memory.what);
        assert_eq!(refused(|of| of.cpu = "0".to_owned()).parameter, "cpu");
        assert_eq!(refused(|of| of.storage = "100GB".to_owned()).parameter, "storage");
        assert_eq!(refused(|of| of.port = 0).parameter, "port");
        assert_eq!(refused(|of| of.name = "Biometric".to_owned()).parameter, "name");
        assert_eq!(refused(|of| of.name = "b".repeat(41)).parameter, "name");
        assert_eq!(refused(|of| of.namespace = "a_b".to_owned()).parameter, "namespace");
        assert_eq!(refused(|of| of.sizes.clear()).parameter, "sizes");
        assert_eq!(refused(|of| of.zones = vec!["a".to_owned(); 2]).parameter, "zones");
        assert_eq!(refused(|of| of.priority = i32::MAX).parameter, "priority");
        assert_eq!(refused(|of| of.priority = 0).parameter, "priority");
        assert_eq!(refused(|of| of.image = "a b".to_owned()).parameter, "image");
        assert_eq!(
            refused(|of| of.storage_class = "Fast SSD".to_owned()).parameter,
            "storage-class"
        );
    }

    #[test]
    fn a_probe_is_a_path_or_tcp() {
        assert_eq!(Probe::parse("tcp"), Ok(Probe::Tcp));
        assert_eq!(Probe::parse("/ready"), Ok(Probe::Http("/ready".to_owned())));
        for other in ["", "ready", "http", "/a b"] {
            assert!(Probe::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_node_class_is_named_by_group_kind_and_name() {
        let class = NodeClass::parse("karpenter.k8s.aws/EC2NodeClass/default").unwrap();
        assert_eq!((class.kind.as_str(), class.name.as_str()), ("EC2NodeClass", "default"));
        for other in [
            "",
            "default",
            "EC2NodeClass/default",
            "karpenter.k8s.aws/ec2nodeclass/a",
            "a.b/C/D",
            "a/B/c",
            "a.b/C/d/e",
        ] {
            assert!(NodeClass::parse(other).is_err(), "{other}");
        }
    }
}
