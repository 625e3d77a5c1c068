//! `shardctl rbac`: the Roles for reading, a summary of the packing, an upgrade, a drain, a recovery and a route test, as YAML.

use super::Context;
use super::output::print;
use crate::cli::{Rbac, RolesFor};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::model::resource::Resource;
use crate::model::right::Rule;
use crate::plan::route::rights as route;
use crate::plan::safety::rights::{self, DrainRights};
use crate::plan::verify::access::{all_rules, role};

/// The role of what packing-summary reads on top.
const PACKING_ROLE: &str = "shardctl-packing";

/// Runs it; asks no cluster. The namespace is the configured one, or `default`.
///
/// # Errors
/// Where standard output can't be written.
pub fn run(context: &Context, arguments: &Rbac) -> Result<ExitCode> {
    let namespace = context.settings.word("namespace").unwrap_or("default");
    if arguments.purpose == RolesFor::Recover {
        let name = rights::RECOVER_ROLE;
        let mut text = format!(
            "# What shardctl recover takes in namespace {namespace}: it reads wherever a mark may be, and puts back what it finds.\n\
             # Bind each to whoever runs it:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n"
        );
        add(&mut text, name, &rights::recover_rules(namespace));
        print(&text)?;
        return Ok(ExitCode::Done);
    }
    if arguments.purpose == RolesFor::RouteTest {
        let name = route::ROLE;
        let mut text = format!(
            "# What shardctl route-test takes in namespace {namespace}: it reads the set and what leads to its shards, and opens ways\n\
             # into the pods. pods/exec is for --entry in-cluster and --probe exec.\n\
             # Not in them: get, create and delete on pods, for --probe-image. Bind each to whoever runs it:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n"
        );
        add(&mut text, name, &route::rules(namespace));
        print(&text)?;
        return Ok(ExitCode::Done);
    }
    let mut text = format!(
        "# What shardctl reads for verify, status, events and snapshot in namespace {namespace}. Bind each to whoever runs it:\n\
         #   kubectl create clusterrolebinding shardctl --clusterrole shardctl --user USER\n\
         #   kubectl create rolebinding shardctl -n NAMESPACE --role shardctl --user USER\n\
         # Not in them: get and create on pods/exec, for --dns exec; create on pods/eviction, for --probe-protection;\n\
         # watch on the same kinds, for events --watch; what packing-summary reads on top (--for packing).\n"
    );
    add(&mut text, "shardctl", &all_rules(namespace));
    if arguments.purpose == RolesFor::Packing {
        text.push_str(&format!(
            "---\n\
             # What packing-summary, and a snapshot for it, read on top: the pods of every namespace, for what they ask for on the\n\
             # shards' nodes, how many disks the nodes take, and what is in use, where metrics.k8s.io is served; watch is for\n\
             # --watch. Without them it says what it doesn't know. Bind each as well:\n\
             #   kubectl create clusterrolebinding {PACKING_ROLE} --clusterrole {PACKING_ROLE} --user USER\n\
             #   kubectl create rolebinding {PACKING_ROLE} -n NAMESPACE --role {PACKING_ROLE} --user USER\n"
        ));
        add(&mut text, PACKING_ROLE, &packing_rules(namespace));
    }
    if arguments.purpose == RolesFor::Upgrade {
        let name = rights::ROLE;
        text.push_str(&format!(
            "---\n\
             # What an upgrade takes on top. It writes the set's template, deletes pods one at a time, makes helper pods and a Lease,\n\
             # and annotates nodes to keep Karpenter and Cluster Autoscaler off them. Bind each as well:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n\
             # Not in them: get on secrets. Without it, whether the Secrets that a template names are there isn't looked at.\n"
        ));
        let mut rules = rights::rules(namespace, context.settings.word("statefulset"), true);
        rules.extend(rights::helpful(namespace));
        add(&mut text, name, &rules);
    }
    if arguments.purpose == RolesFor::Drain {
        let name = rights::DRAIN_ROLE;
        text.push_str(&format!(
            "---\n\
             # What a drain takes on top. It cordons and annotates nodes, evicts pods of every namespace, deletes shards one at a time,\n\
             # lowers and restores the budget, scales the set by one (--strategy surge), makes placeholder pods and a Lease, and\n\
             # deletes NodeClaims (--then-release). Bind each as well:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n"
        ));
        let everything = DrainRights {
            relaxes: true,
            scales: true,
            releases: true,
        };
        let mut rules = rights::of_drain(namespace, context.settings.word("statefulset"), everything);
        rules.extend(rights::helpful(namespace));
        add(&mut text, name, &rules);
    }
    if matches!(arguments.purpose, RolesFor::Deploy | RolesFor::Promote) {
        let name = rights::DEPLOY_ROLE;
        text.push_str(&format!(
            "---\n\
             # What a deployment takes on top. It writes the namespace, a priority class, a pool and its node class, Services, the budget\n\
             # and the set, and makes a Lease. Bind each as well:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n\
             # Not in them: get on the node class of --node-class.\n"
        ));
        let mut rules = rights::of_deploy(namespace);
        rules.extend(rights::helpful(namespace));
        add(&mut text, name, &rules);
    }
    if arguments.purpose == RolesFor::Promote {
        let name = rights::PROMOTE_ROLE;
        text.push_str(&format!(
            "---\n\
             # What a promotion takes on top of a deployment. It moves the shards as an upgrade does, makes placeholder pods, annotates\n\
             # nodes, and deletes the explore pool and its node class once nothing is on its nodes. Bind each as well:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n"
        ));
        add(&mut text, name, &rights::of_promote(namespace, None));
    }
    if arguments.purpose == RolesFor::Cleanup {
        let name = rights::CLEANUP_ROLE;
        text.push_str(&format!(
            "---\n\
             # What a cleanup takes on top. It deletes the set, the budget, Services, pools, node classes and the priority class, with\n\
             # --data the claims as well, and makes a Lease. Bind each as well:\n\
             #   kubectl create clusterrolebinding {name} --clusterrole {name} --user USER\n\
             #   kubectl create rolebinding {name} -n NAMESPACE --role {name} --user USER\n"
        ));
        add(&mut text, name, &rights::of_cleanup(namespace));
    }
    print(&text)?;
    Ok(ExitCode::Done)
}

/// What packing-summary reads on top, and watches.
fn packing_rules(namespace: &str) -> Vec<Rule> {
    let to_read = |resource| Rule::to_read(resource, namespace);
    let reads = Resource::OF_ROOM
        .into_iter()
        .chain(Resource::OF_USAGE)
        .filter_map(to_read);
    let watched = [Resource::StatefulSets, Resource::Nodes, Resource::NodePods];
    let watches = watched.into_iter().filter_map(to_read).map(|rule| Rule {
        verb: "watch".to_owned(),
        ..rule
    });
    reads.chain(watches).collect()
}

fn add(text: &mut String, name: &str, rules: &[Rule]) {
    for line in role(name, rules.iter()) {
        text.push_str(&line);
        text.push('\n');
    }
}
