//! From a command line and a snapshot to the page, and what is said of a command line that can't be followed.

use std::io::Write as _;

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::cli::{Cli, Command, LayoutName};
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::plan::verify::testing::Scene;

fn arguments(line: &[&str]) -> PackingSummary {
    let words = ["shardctl", "packing-summary"].iter().chain(line);
    match Cli::try_parse_from(words).unwrap().command {
        Command::PackingSummary(arguments) => *arguments,
        other => panic!("{other:?}"),
    }
}

/// Ten shards of 32Gi, each on a node of Karpenter's.
fn scene() -> Scene {
    let mut scene = Scene::healthy(10);
    for ordinal in 0..10 {
        let labels = json!({"karpenter.sh/nodepool": "shards", "topology.kubernetes.io/region": "eastus"});
        scene.merge(
            Resource::Nodes,
            &format!("node-{ordinal}"),
            json!({"metadata": {"labels": labels}, "spec": {"providerID": "azure:///x"}}),
        );
    }
    let pods = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, pods);
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    let pool = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "shards"}, "spec": {}});
    scene.set(Resource::NodePools, Read::Got(vec![pool]));
    scene
}

fn page_of(scene: &Scene, line: &[&str]) -> Result<PackingPage> {
    answer(
        &scene.snapshot(),
        &scene.policy,
        &arguments(line),
        &Kept::default(),
        "shardctl packing-summary",
    )
}

fn refused(line: &[&str]) -> Error {
    page_of(&scene(), line).unwrap_err()
}

/// A file with this text, gone when dropped.
fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn the_present_stands_beside_what_would_be_better() {
    let page = page_of(&scene(), &[]).unwrap();
    assert_eq!(code(&page), ExitCode::Done);
    let told = serde_json::to_value(&page).unwrap();
    assert_eq!(told["present"]["totals"]["hourly"], json!(10.08));
    assert_eq!(told["present"]["nodes"][0]["shards"], json!(["db-0"]));
    assert_eq!(told["prices"]["region"], "eastus");
    assert_eq!(told["prices"]["date"], "2026-06-18");
    let names: Vec<&Value> = told["layouts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names[..4], ["now", "cheapest", "balanced", "most-available"]);
    assert_eq!(told["layouts"][0]["monthly"], json!(7358.4));
    let (now, cheapest) = (&page.layouts[0], &page.layouts[1]);
    assert_eq!(
        cheapest.saved_monthly.unwrap(),
        now.monthly.unwrap().minus(cheapest.monthly.unwrap())
    );
    assert_eq!((now.shards, cheapest.shards), (10, 10));
    let command = &page.advice[0].steps[0].command;
    assert!(
        command.starts_with("kubectl patch nodepools.v1.karpenter.sh shards --type merge -p '{"),
        "{command}"
    );
    assert!(
        page.sizes
            .is_sorted_by_key(|size| (size.monthly_a_shard.is_none(), size.monthly_a_shard))
    );
}

#[test]
fn what_is_asked_for_instead_is_named_and_not_compared_with_the_present() {
    let page = page_of(&scene(), &["--shards", "12", "--memory", "24Gi", "--cpu", "1500m"]).unwrap();
    assert_eq!(page.instead[0], "12 shards");
    assert!(
        page.instead[1].starts_with("24Gi of memory instead of "),
        "{:?}",
        page.instead
    );
    assert!(page.layouts.iter().all(|layout| layout.saved_monthly.is_none()));
    let page = page_of(&scene(), &["--zones", "4,3,3"]).unwrap();
    assert_eq!(page.zones.iter().map(|zone| zone.shards).collect::<Vec<_>>(), [4, 3, 3]);
    let page = page_of(&scene(), &["--zones", "a=6,b=4"]).unwrap();
    assert_eq!(page.zones[0].zone, "a");
}

#[test]
fn what_the_template_insists_on_binds_the_layouts() {
    let (mut scene, other) = (scene(), scene());
    scene.edit(Resource::StatefulSets, "db", |set| {
        let labels = set["spec"]["template"]["metadata"]["labels"].clone();
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}});
        set["spec"]["template"]["spec"]["affinity"] =
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    });
    let page = page_of(&scene, &[]).unwrap();
    assert_eq!(page.terms, ["one shard a node, which the template insists on"]);
    assert!(
        page.layouts.iter().all(|layout| layout.lost_with_a_node == 1),
        "{:?}",
        page.layouts
    );
    assert!(
        page.layouts[1..].iter().all(|layout| layout.spare == Some(0)),
        "{:?}",
        page.layouts
    );
    let free = page_of(&other, &["--sizes", "Standard_E16s_v5"]).unwrap();
    assert!(free.layouts[1].lost_with_a_node > 1 && free.terms.is_empty());
    let words = "come to stand so only if the template insists on it";
    assert!(
        free.assumptions.iter().any(|one| one.contains(words)),
        "{:?}",
        free.assumptions
    );
}

#[test]
fn a_what_if_changes_no_pool_of_what_runs() {
    assert!(page_of(&scene(), &[]).unwrap().buy.is_some());
    let page = page_of(&scene(), &["--memory", "16Gi"]).unwrap();
    assert!(page.advice.is_empty() && page.buy.is_none());
    assert!(page.layouts.len() > 1);
}

#[test]
fn where_not_every_size_can_be_judged_no_layout_is_unknown_and_not_impossible() {
    let mut scene = scene();
    for ordinal in 0..10 {
        let foreign = json!({"spec": {"providerID": "kwok://x"}});
        scene.merge(Resource::Nodes, &format!("node-{ordinal}"), foreign);
    }
    let page = page_of(&scene, &["--exclude", "Standard_E16s_v5"]).unwrap();
    assert_eq!(code(&page), ExitCode::Unknown);
    assert!(
        page.obstacles.is_empty() && page.unread[0].contains("nobody says what is left of"),
        "{:?}",
        page.unread
    );
    let page = page_of(&scene, &["--exclude", "Standard_E16s_v5", "--kubelet", "kubelet-aks"]).unwrap();
    assert_eq!(code(&page), ExitCode::Done);
}

#[test]
fn a_zone_that_nothing_is_in_is_said_and_gets_no_pool() {
    let page = page_of(&scene(), &["--zones", "zone1=4,zone-2=6"]).unwrap();
    assert!(
        page.warnings[0].contains("no node and no disk is in zone1"),
        "{:?}",
        page.warnings
    );
    let line = ["--zones", "zone1=4,zone-2=6", "--pools", "cheapest"];
    let scene = scene();
    let error = pools::write(
        &scene.snapshot(),
        &scene.policy,
        &arguments(&line),
        &Kept::default(),
        LayoutName::Cheapest,
    );
    let told = error.unwrap_err();
    assert!(told.message().contains("no node and no disk is in zone1"), "{told}");
}

#[test]
fn every_flag_reaches_the_wish() {
    let line = [
        "--shards=12",
        "--memory=24Gi",
        "--cpu=2",
        "--zones=6,6",
        "--max-shards-per-node=2",
        "--max-shards-per-zone=7",
        "--sizes=Standard_E16s_v5, Standard_E8s_v5",
        "--exclude=Standard_D*",
        "--arch=arm64",
        "--pay=reserved-3y",
        "--discount=12%",
        "--kubelet=kubelet-aks-hardened",
        "--forecast=karpenter-azure-1919",
        "--max-pods=60",
    ];
    let chosen = catalogue::catalogue(&arguments(&line).prices, Some("eastus"), &Kept::default()).unwrap();
    let wish = wish::wish(&arguments(&line), &chosen.catalogue).unwrap();
    let told = format!("{wish:?}");
    for part in [
        "shards: Some(12)",
        "zones: [(None, 6), (None, 6)]",
        "memory: Some(25769803776)",
        "cpu: Some(2000)",
        "sizes: [\"Standard_E16s_v5\", \"Standard_E8s_v5\"]",
        "exclude: [\"Standard_D*\"]",
        "archs: [\"arm64\"]",
        "kind: Reserved3y",
        "discount: Discount(1200)",
        "a_node: Some(2)",
        "a_zone: Some(7)",
        "kubelet: Some(KubeletAksHardened)",
        "forecast: Some(KarpenterAzure1919)",
        "max_pods: Some(60)",
    ] {
        assert!(told.contains(part), "{part} isn't in {told}");
    }
}

#[test]
fn what_cannot_hold_the_shards_is_named_with_its_reason_and_the_present_is_still_told() {
    for (line, words) in [
        (["--max-shards-per-zone", "3"], "4 shards are in zone-1"),
        (["--memory", "9Ti"], "no size holds a shard"),
        (["--pay", "savings-3y"], "no savings-3y price is known"),
    ] {
        let mut asked = line.to_vec();
        asked.extend(["--region", "brazilsouth"]);
        let page = page_of(&scene(), &asked).unwrap();
        assert_eq!(code(&page), ExitCode::Failed, "{line:?}");
        assert!(page.obstacles[0].contains(words), "{:?}", page.obstacles);
        assert_eq!((page.present.nodes.len(), page.layouts.len()), (10, 1));
    }
}

#[test]
fn what_cannot_be_followed_is_explained() {
    for (line, words) in [
        (
            vec!["--memory", "32GB"],
            "--memory: `32GB` is not a quantity: Kubernetes has 32Gi",
        ),
        (
            vec!["--memory", "0"],
            "--memory: `0` of memory: a shard takes more than nothing",
        ),
        (vec!["--memory", "-32Gi"], "more than nothing"),
        (vec!["--memory", "32"], "give the unit as well"),
        (
            vec!["--cpu", "-1"],
            "--cpu: `-1` of CPU: a shard takes more than nothing",
        ),
        (
            vec!["--shards", "0"],
            "--shards: 0 shards: there has to be one at least",
        ),
        (vec!["--shards", "-3"], "--shards: `-3` is not a number of shards"),
        (vec!["--zones", "4,x"], "--zones: `x` is not a number of shards"),
        (
            vec!["--zones", "4,3", "--shards", "10"],
            "the zones hold 7 shards together, and --shards says 10",
        ),
        (vec!["--max-shards-per-node", "0"], "--max-shards-per-node: 0 shards"),
        (vec!["--discount", "100%"], "--discount: `100%` is not a discount"),
        (vec!["--max-pods", "none"], "--max-pods: `none` is not a number of pods"),
        (
            vec!["--arch", "x86"],
            "there is no architecture named x86 in the catalogue (--arch)",
        ),
        (vec!["--region", "eastsu"], "there is no region named eastsu"),
        (
            vec!["--sizes", "Standard_E16_v5s"],
            "there is no size named Standard_E16_v5s in the catalogue",
        ),
    ] {
        let error = refused(&line);
        assert_eq!(error.exit_code(), ExitCode::Usage, "{line:?}");
        assert!(error.message().contains(words), "{line:?}: {}", error.message());
    }
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_and_never_with_a_wall_of_names() {
    let hint = |line: &[&str]| refused(line).hints().join("\n");
    assert!(hint(&["--sizes", "Standard_E16_v5s"]).contains("Standard_E16s_v5"));
    assert_eq!(hint(&["--sizes", "e16s_v5"]), "did you mean Standard_E16s_v5?");
    assert!(hint(&["--region", "eastsu"]).contains("eastus"));
    let far = hint(&["--sizes", "qqq"]);
    assert!(far.contains("such as") && far.len() < 300, "{far}");
}

#[test]
fn a_file_that_cannot_be_followed_is_refused_whole_with_its_line() {
    for (flag, text, words) in [
        (
            "--price-file",
            "size,on-demand\nStandard_E16s_v5,\n",
            "line 2: no price for Standard_E16s_v5",
        ),
        (
            "--price-file",
            "size,on-demand\nStandard_E8s_v5,1\nStandard_E8s_v5,2\n",
            "line 3: Standard_E8s_v5 is there twice",
        ),
        (
            "--price-file",
            "size,on-demand\nStandard_E16x,1\n",
            "there is no size named Standard_E16x",
        ),
        (
            "--price-file",
            "size,on-demand\nStandard_E8s_v5,0\n",
            "line 2: on-demand: a machine for nothing",
        ),
        ("--price-file", "size,price\n", "no column is named price"),
        ("--catalog", "size,vcpu,memory\n", "there are no sizes here"),
        ("--catalog", "", "there is no table here"),
        (
            "--catalog",
            "size,vcpu,memory\na,2,8GB\n",
            "line 2: memory: `8GB` is not a quantity",
        ),
        (
            "--catalog",
            "size,vcpu,memory,region\na,2,8Gi,west\n",
            "there is no region named eastus",
        ),
    ] {
        let file = file(text);
        let path = file.path().to_str().unwrap();
        let error = refused(&[flag, path]);
        assert_eq!(error.exit_code(), ExitCode::Usage, "{text}");
        assert!(
            error.message().contains(words) && error.message().contains(path),
            "{}",
            error.message()
        );
    }
    let missing = refused(&["--price-file", "/nowhere/prices.csv"]);
    assert!(
        missing
            .message()
            .starts_with("failed to read the price file /nowhere/prices.csv: ")
    );
    assert_eq!(missing.exit_code(), ExitCode::Usage);
}

#[test]
fn prices_of_a_file_count_and_what_isnt_known_is_said_to_be_unknown() {
    let prices = file("size,on-demand\nStandard_E16s_v5,0.5\n");
    let page = page_of(
        &scene(),
        &["--price-file", prices.path().to_str().unwrap(), "--discount", "10%"],
    )
    .unwrap();
    assert_eq!(page.present.totals.hourly.to_string(), "4.50");
    assert!(
        page.assumptions
            .iter()
            .any(|one| one.contains("1 of ") && one.contains("10% off each")),
        "{:?}",
        page.assumptions
    );
    let catalogue = file("size,vcpu,memory,on-demand\nr6i.2xlarge,8,64Gi,0.564\n");
    let page = page_of(&scene(), &["--catalog", catalogue.path().to_str().unwrap()]).unwrap();
    assert_eq!(page.present.totals.unpriced.len(), 10);
    assert!(page.layouts[1].saved_monthly.is_none());
    assert!(
        page.warnings[0].contains("the price of Standard_E16s_v5 isn't known, so that 10 of 10 nodes"),
        "{:?}",
        page.warnings
    );
}

#[test]
fn a_region_without_built_in_prices_is_no_mistake_of_the_user() {
    let mut scene = scene();
    for ordinal in 0..10 {
        let labels = json!({"topology.kubernetes.io/region": "eu-west-1"});
        scene.merge(
            Resource::Nodes,
            &format!("node-{ordinal}"),
            json!({"metadata": {"labels": labels}}),
        );
    }
    let page = page_of(&scene, &[]).unwrap();
    assert!(
        page.warnings[0].contains("eu-west-1") && page.warnings[0].contains("--catalog FILE"),
        "{:?}",
        page.warnings
    );
    assert_eq!(code(&page), ExitCode::Failed);
    assert!(
        page.obstacles[0].contains("no on-demand price is known"),
        "{:?}",
        page.obstacles
    );
}

#[test]
fn what_may_not_be_read_is_never_green() {
    for needed in [
        Resource::Pods,
        Resource::Nodes,
        Resource::Claims,
        Resource::StatefulSets,
    ] {
        let mut scene = scene();
        scene.unreadable(needed);
        let error = page_of(&scene, &[]).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Unknown, "{needed:?}");
        assert!(error.message().contains("may not list"), "{}", error.message());
        assert!(error.hints().iter().any(|hint| hint.contains("rbac --for packing")));
    }
    for (helpful, words) in [
        (Resource::NodePods, "what runs beside the shards isn't known"),
        (Resource::Volumes, "which zones the disks are in isn't known"),
        (Resource::CsiNodes, "how many disks the nodes take isn't known"),
        (Resource::NodePools, "there is no advice on pools"),
    ] {
        let mut scene = scene();
        scene.unreadable(helpful);
        let page = page_of(&scene, &[]).unwrap();
        assert_eq!(code(&page), ExitCode::Unknown, "{helpful:?}");
        assert!(page.unread[0].contains(words), "{:?}", page.unread);
        assert_eq!(page.present.totals.hourly.to_string(), "10.08");
    }
    let mut without = scene();
    without.remove(Resource::StatefulSets, "db");
    let error = page_of(&without, &[]).unwrap_err();
    assert_eq!(
        (error.exit_code(), error.message()),
        (ExitCode::Usage, "there is no StatefulSet in namespace shop")
    );
}

#[test]
fn a_redacted_snapshot_gives_the_same_figures() {
    let scene = scene();
    let redacted = crate::model::redact::redact(&scene.recording()).unwrap();
    let redacted = Snapshot::derive(&redacted).unwrap();
    let figures = |page: PackingPage| {
        let sums = |layout: &crate::report::packing::Layout| (layout.nodes, layout.monthly, layout.lost_with_a_node);
        (
            page.present.totals.hourly,
            page.layouts.iter().map(sums).collect::<Vec<_>>(),
            page.sizes.len(),
        )
    };
    let plain = figures(page_of(&scene, &[]).unwrap());
    assert_eq!(
        figures(
            answer(
                &redacted,
                &scene.policy,
                &arguments(&[]),
                &Kept::default(),
                "shardctl packing-summary"
            )
            .unwrap()
        ),
        plain
    );
}
