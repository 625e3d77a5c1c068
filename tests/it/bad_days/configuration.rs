//! shardctl.toml: what is refused, and who wins over whom.

use super::{folder, kubeconfig, run, shards, write};
use serde_json::json;

#[test]
fn a_file_that_cannot_be_followed_is_refused_with_its_place() {
    let scene = shards();
    for (name, text, words) in [
        (
            "unknown",
            "namspace = \"a\"\n",
            ["there is no key `namspace`", "did you mean `namespace`?"],
        ),
        (
            "type",
            "expect = \"ten\"\n",
            ["`expect` must be", "a whole number above nought"],
        ),
        (
            "word",
            "phase = \"prod\"\n",
            ["`phase` must be", "one of explore, stable"],
        ),
        (
            "syntax",
            "expect = 3\nskip = [\n",
            ["isn't TOML at line 2", "shardctl.toml"],
        ),
        (
            "hostile",
            "\"\\u001b[31m\\u202e\" = 1\n",
            ["there is no key `\\e[31m\\u{202e}`", "the keys are"],
        ),
    ] {
        let place = folder(&scene, &format!("toml-{name}")).join("shardctl.toml");
        std::fs::write(&place, text).expect("write shardctl.toml");
        let file = place.to_str().expect("a UTF-8 path");
        for arguments in [["config", "show"].as_slice(), &["verify"], &["status"]] {
            let arguments = [arguments, &["--config", file]].concat();
            run(scene.shardctl(arguments)).refused(2, &[words[0], words[1], file]);
        }
        // A shell loads completions at its start, whatever the configuration.
        run(scene.shardctl(["completions", "bash", "--config", file])).says(0, &["shardctl"]);
    }
    run(scene.shardctl(["verify", "--config", "nowhere.toml"])).refused(2, &["failed to read nowhere.toml"]);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let scene = shards();
    let place = folder(&scene, "toml-origins");
    let inner = folder(&scene, "toml-origins/deeper");
    std::fs::write(
        place.join("shardctl.toml"),
        "expect = 7\nphase = \"stable\"\ndns = \"system\"\n",
    )
    .expect("write");
    let mut command = scene.shardctl(["config", "show", "-n", "typed"]);
    command
        .current_dir(&inner)
        .env("SHARDCTL_EXPECT", "5")
        .env("SHARDCTL_NAMESPACE", "said");
    let ran = run(command);
    let file = place.join("shardctl.toml");
    ran.says(
        0,
        &["namespace = \"typed\"  # --namespace", "expect = 5  # $SHARDCTL_EXPECT"],
    );
    ran.says(
        0,
        &[&format!("phase = \"stable\"  # {}", file.display()), "# kubeconfig: "],
    );
    toml_lines(&ran.stdout);

    let mut command = scene.shardctl(["verify", "--only", "STS-02", "-o", "text"]);
    command.current_dir(&inner);
    run(command).says(1, &["STS-02", &file.display().to_string()]);
}

/// What `config show` prints can be saved as shardctl.toml.
#[track_caller]
fn toml_lines(text: &str) {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(table.contains_key("expect"));
}

#[test]
fn a_variable_of_the_wrong_form_names_itself() {
    let scene = shards();
    for (name, value) in [
        ("SHARDCTL_EXPECT", "many"),
        ("SHARDCTL_PHASE", "prod"),
        ("SHARDCTL_COLOR", "blue"),
    ] {
        let mut command = scene.shardctl(["status"]);
        command.env(name, value);
        run(command).refused(2, &[name]);
    }
}

#[test]
fn a_hostile_context_name_steers_nothing() {
    let scene = shards();
    let hostile = "\u{1b}[31mprod\u{202e}\u{9b}";
    let file = kubeconfig(&scene, "hostile.kubeconfig", |config| {
        config["contexts"][0]["name"] = json!(hostile);
        config["current-context"] = json!(hostile);
    });
    for form in ["text", "short", "json", "junit", "prometheus"] {
        run(scene.shardctl_with(&file, ["verify", "-o", form, "--only", "API-01"])).says(0, &[]);
    }
    run(scene.shardctl_with(&file, ["status"])).says(0, &["UP"]);
    let raw = write(
        &scene,
        "raw.kubeconfig",
        "current-context: \"\u{9b}31m\u{1b}]0;x\u{7}\"\n",
    );
    run(scene.shardctl_with(&raw, ["status"])).refused(2, &["failed to read the kubeconfig", "line 1"]);
    run(scene.shardctl_with(&file, ["verify", "--context", "other"])).refused(2, &["prod"]);
    run(scene.shardctl(["config", "show", "--context", hostile])).says(0, &["prod"]);
}
