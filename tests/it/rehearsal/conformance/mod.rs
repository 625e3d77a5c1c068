//! Every request that shardctl sends, good and bad, to a real control plane and to the rehearsal cluster: what the client sees is
//! the same.
//!
//! The real server's answers are kept in `../recorded`, a file a scene. One test holds that the real server still gives them,
//! another that the rehearsal cluster does. `SHARDCTL_WRITE_ARTEFACTS=1 cargo test --test it rehearsal` records them anew.
//! `plain` says what can't be the same.

mod plain;
mod scenes;
mod script;
mod side;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use self::script::Scene;
use self::side::Side;
use crate::cluster::Plane;

#[test]
fn a_real_server_gives_the_recorded_answers() {
    let plane = Plane::shared();
    let mut wrong = Vec::new();
    for scene in scenes::all() {
        let answers = plane.run(Side::real(plane.client().clone()).play(&scene));
        if std::env::var_os("SHARDCTL_WRITE_ARTEFACTS").is_some() {
            let text = serde_json::to_string_pretty(&answers).unwrap();
            std::fs::create_dir_all(file(&scene).parent().unwrap()).unwrap();
            std::fs::write(file(&scene), format!("{text}\n")).unwrap();
        }
        wrong.extend(differences(&scene, &answers));
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_rehearsal_cluster_gives_the_recorded_answers() {
    let mut wrong = Vec::new();
    for scene in scenes::all() {
        let answers = side::in_virtual_time(async { Side::rehearsal().play(&scene).await });
        wrong.extend(differences(&scene, &answers));
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    let recorded = serde_json::json!({"a": [{"b": 1}, {"b": 2}], "c": {}});
    let given = serde_json::json!({"a": [{"b": 1}, {"b": 3}], "d": null});
    let (mut left, mut right) = (Map::new(), Map::new());
    flat(&recorded, String::new(), &mut left);
    flat(&given, String::new(), &mut right);
    let keys: Vec<&String> = left.keys().chain(right.keys()).collect();
    let differing = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
    let mut differing: Vec<&String> = differing.collect();
    differing.sort();
    differing.dedup();
    assert_eq!(differing, ["/a/1/b", "/c", "/d"]);
}

fn file(scene: &Scene) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/rehearsal/recorded")
        .join(format!("{}.json", scene.name))
}

/// What isn't as it was recorded, a line each.
fn differences(scene: &Scene, given: &Map<String, Value>) -> Vec<String> {
    let text = std::fs::read_to_string(file(scene)).unwrap_or_else(|_| "{}".to_owned());
    let recorded: Map<String, Value> = serde_json::from_str(&text).unwrap();
    let mut names: Vec<&String> = recorded.keys().chain(given.keys()).collect();
    names.sort();
    names.dedup();
    let mut lines = Vec::new();
    for name in names {
        let (mut left, mut right) = (Map::new(), Map::new());
        for (of, into) in [(&recorded, &mut left), (given, &mut right)] {
            flat(of.get(name).unwrap_or(&Value::Null), String::new(), into);
        }
        let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys.into_iter().filter(|key| left.get(*key) != right.get(*key)) {
            let word = |side: &Map<String, Value>| side.get(key).map_or("nothing".to_owned(), Value::to_string);
            lines.push(format!(
                "{}: {name}: {key}: recorded {}, given {}",
                scene.name,
                word(&left),
                word(&right)
            ));
        }
    }
    lines
}

/// Every value that holds no other, by its pointer.
fn flat(value: &Value, at: String, into: &mut Map<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                flat(value, format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                flat(value, format!("{at}/{index}"), into);
            }
        }
        other => {
            into.insert(at, other.clone());
        }
    }
}
