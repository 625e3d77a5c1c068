//! A shard's own application, behind the ports that its containers name: every shard takes any key, and passes on what isn't its own.
//!
//! No manifest tells what an application answers. This one says who served a key and whose the key is, in the body and in
//! headers, as a sharded service does that can be tested at all.

use serde_json::{Value, json};

use crate::sim::api::decoded;
use crate::sim::json::{condition, controller, list, name, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Key, Store};

/// What the application is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct Asked {
    /// The path, without the query.
    pub(in crate::sim) path: String,
    /// The query.
    pub(in crate::sim) query: String,
    /// The header `X-Shard-Key`; empty where there is none.
    pub(in crate::sim) header: String,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Told {
    /// The HTTP status.
    pub(in crate::sim) status: u16,
    /// The shard that served it; empty where none did.
    pub(in crate::sim) served_by: String,
    /// The shard whose the key is, as far as that one knows.
    pub(in crate::sim) owner: String,
    /// The body, JSON.
    pub(in crate::sim) body: String,
}

/// Whether a pod's application takes connections on a port: a container names it, and the pod is Ready.
pub(in crate::sim) fn listens(pod: &Value, port: u16) -> bool {
    let is_a_shards = controller(pod).is_some_and(|owner| text(owner, "/kind") == "StatefulSet");
    is_a_shards && condition(pod, "Ready") == "True" && names(pod).any(|(_, number)| number == i64::from(port))
}

/// The ports that a pod's containers name, for TCP: each name, and its number.
pub(in crate::sim) fn names(pod: &Value) -> impl Iterator<Item = (&str, i64)> {
    let ports = list(pod, "/spec/containers")
        .iter()
        .flat_map(|container| list(container, "/ports"));
    let tcp = ports.filter(|port| ["", "TCP"].contains(&text(port, "/protocol")));
    tcp.filter_map(|port| Some((text(port, "/name"), number(port, "/containerPort")?)))
}

/// What a pod answers; none where it is gone, is another one by now, or doesn't listen any more.
pub(in crate::sim) fn answer(plane: &Plane, pod: &Key, id: &str, port: u16, asked: &Asked) -> Option<Told> {
    let found = plane.store.get(pod).filter(|found| uid(found) == id)?;
    if !listens(found, port) {
        return None;
    }
    let me = name(found).to_owned();
    if asked.path == "/whoami" {
        return Some(told(&me, &me, ""));
    }
    let Some(key) = key(asked) else {
        return Some(refused(
            400,
            "there is no key: send ?key=KEY, X-Shard-Key: KEY, or ask for /lookup/KEY",
        ));
    };
    let members = members(&plane.store, found);
    let owner = owner(&key, &members);
    if owner == me {
        return Some(told(&me, &me, &key));
    }
    let first = members.iter().find(|member| **member != owner);
    if plane.kept_keys.contains(&key) && first == Some(&me) {
        return Some(told(&me, &me, &key));
    }
    let theirs = plane.store.get(&Key::new(Kind::Pods, &pod.namespace, &owner));
    Some(match theirs.is_some_and(|theirs| listens(theirs, port)) {
        true => told(&owner, &owner, &key),
        false => refused(502, "the key's owner doesn't answer"),
    })
}

/// The shards among which keys are spread: as many as the set is to have.
fn members(store: &Store, pod: &Value) -> Vec<String> {
    let set = controller(pod).map(|owner| text(owner, "/name")).unwrap_or_default();
    let key = Key::new(Kind::StatefulSets, text(pod, "/metadata/namespace"), set);
    let Some(found) = store.get(&key) else {
        return vec![name(pod).to_owned()];
    };
    let first = number(found, "/spec/ordinals/start").unwrap_or(0);
    let count = number(found, "/spec/replicas").unwrap_or(1);
    (first..first + count)
        .map(|ordinal| format!("{set}-{ordinal}"))
        .collect()
}

/// Whose a key is: each member bids for it, and the highest bid has it. A new member only takes keys.
fn owner(key: &str, members: &[String]) -> String {
    let highest = members.iter().max_by_key(|member| bid(key, member));
    highest.cloned().unwrap_or_default()
}

/// FNV-1a over key and member, its bits mixed once more: a key's bids have to differ in all of them.
fn bid(key: &str, member: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(member.bytes());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let sum = (sum ^ (sum >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    sum ^ (sum >> 29)
}

fn key(asked: &Asked) -> Option<String> {
    let pairs = asked.query.split('&');
    let in_query = pairs.filter_map(|pair| pair.strip_prefix("key=")).next();
    let found = match (in_query, asked.path.split_once("/lookup/")) {
        (Some(key), _) => decoded(key)?,
        (None, _) if !asked.header.is_empty() => asked.header.clone(),
        // In a path a plus sign is one.
        (None, Some((_, key))) => decoded(&key.replace('+', "%2B"))?,
        (None, None) => return None,
    };
    (!found.is_empty()).then_some(found)
}

fn told(served_by: &str, owner: &str, key: &str) -> Told {
    Told {
        status: 200,
        served_by: served_by.to_owned(),
        owner: owner.to_owned(),
        body: format!("{}\n", json!({"shard": served_by, "owner": owner, "key": key})),
    }
}

fn refused(status: u16, why: &str) -> Told {
    Told {
        status,
        served_by: String::new(),
        owner: String::new(),
        body: format!("{}\n", json!({"error": why})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{plane, pod_of, ready, set};

    fn with_shards(count: i64) -> Plane {
        let mut plane = plane();
        plane.store.load(Kind::StatefulSets, set(count, "Parallel", "OnDelete"));
        for ordinal in 0..count {
            let mut pod = ready(pod_of("db", "set", &format!("db-{ordinal}")), true);
            pod["metadata"]["uid"] = json!(format!("uid-{ordinal}"));
            pod["spec"]["containers"][0]["ports"] = json!([{"name": "http", "containerPort": 8080}]);
            plane.store.load(Kind::Pods, pod);
        }
        plane
    }

    fn ask(plane: &Plane, ordinal: usize, key: &str) -> Option<Told> {
        let pod = Key::new(Kind::Pods, "shop", &format!("db-{ordinal}"));
        let asked = Asked {
            query: format!("key={key}"),
            ..Asked::default()
        };
        answer(plane, &pod, &format!("uid-{ordinal}"), 8080, &asked)
    }

    fn owners(plane: &Plane, entry: usize, keys: usize) -> Vec<String> {
        let all = (0..keys).map(|key| ask(plane, entry, &format!("k{key}")).unwrap().owner);
        all.collect()
    }

    #[test]
    fn a_key_has_one_owner_whoever_is_asked_and_every_shard_owns_some() {
        let plane = with_shards(5);
        let first = owners(&plane, 0, 200);
        for entry in 1..5 {
            assert_eq!(owners(&plane, entry, 200), first);
        }
        for ordinal in 0..5 {
            let own = first.iter().filter(|owner| **owner == format!("db-{ordinal}"));
            assert!((20..60).contains(&own.count()), "{first:?}");
        }
    }

    #[test]
    fn a_shard_more_takes_keys_and_none_goes_anywhere_else() {
        let (before, after) = (owners(&with_shards(4), 0, 200), owners(&with_shards(5), 0, 200));
        let moved: Vec<&String> = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before != after)
            .map(|(_, after)| after)
            .collect();
        assert!((20..60).contains(&moved.len()), "{moved:?}");
        assert!(moved.iter().all(|to| *to == "db-4"), "{moved:?}");
    }

    #[test]
    fn a_shard_that_is_not_ready_is_silent_and_its_keys_are_not_answered_by_others() {
        let mut plane = with_shards(3);
        let pod = plane.store.get(&Key::new(Kind::Pods, "shop", "db-1")).unwrap();
        let down = ready(Value::clone(pod), false);
        plane.store.load(Kind::Pods, down);
        assert_eq!(ask(&plane, 1, "k1"), None);
        let statuses: Vec<u16> = (0..50)
            .map(|key| ask(&plane, 0, &format!("k{key}")).unwrap().status)
            .collect();
        assert!(statuses.contains(&200) && statuses.contains(&502), "{statuses:?}");
        let gone = Key::new(Kind::Pods, "shop", "db-0");
        assert_eq!(answer(&plane, &gone, "another", 8080, &Asked::default()), None);
        assert_eq!(answer(&plane, &gone, "uid-0", 9090, &Asked::default()), None);
    }

    #[test]
    fn a_kept_key_has_two_owners_and_the_others_still_one() {
        let mut plane = with_shards(3);
        plane.kept_keys.insert("k1".to_owned());
        let whose = |key: &str| {
            let mut all: Vec<String> = (0..3).map(|entry| ask(&plane, entry, key).unwrap().owner).collect();
            all.sort();
            all.dedup();
            all.len()
        };
        assert_eq!((whose("k1"), whose("k2"), whose("k3")), (2, 1, 1));
    }

    #[test]
    fn the_key_is_the_same_in_a_query_a_header_and_a_path() {
        let asked = |path: &str, query: &str, header: &str| Asked {
            path: path.to_owned(),
            query: query.to_owned(),
            header: header.to_owned(),
        };
        for one in [
            asked("/", "a=1&key=a%20b%2Bc", ""),
            asked("/", "", "a b+c"),
            asked("/db/lookup/a%20b+c", "", ""),
        ] {
            assert_eq!(key(&one).as_deref(), Some("a b+c"), "{one:?}");
        }
        for none in [asked("/", "", ""), asked("/", "key=", ""), asked("/lookup/%F", "", "")] {
            assert_eq!(key(&none), None, "{none:?}");
        }
    }
}
