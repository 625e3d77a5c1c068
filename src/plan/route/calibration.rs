//! Whether answers can tell shards apart, found out before anything is judged: else a constant header would pass everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;
use crate::model::route::identity::Told;
use crate::model::route::outcome::Identities;
use crate::model::set::Ordinal;

/// How many more keys each pod is asked about where one didn't tell the pods apart.
pub const MORE: usize = 16;

/// What a pod answered about one key.
pub type Reply = Result<Told, Failed>;

/// What the first key showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// It is known.
    Known(Identities),
    /// Every pod is to be asked about [`MORE`] more keys.
    AskMore,
}

/// So many pods don't each name another by chance.
const MANY: usize = 4;

/// What one key shows, asked of every pod that runs, of so many shards.
///
/// # Errors
/// No pod says who it is: nothing can be judged.
pub fn first(replies: &BTreeMap<Ordinal, Reply>, shards: usize) -> Result<First, String> {
    let voices: Vec<Ordinal> = replies.values().filter_map(voice).collect();
    if voices.is_empty() {
        return Err(silence(replies));
    }
    let distinct: BTreeSet<Ordinal> = voices.iter().copied().collect();
    // One voice alone can't be told from a constant, unless there is only one shard. Of few pods that tell whose the key is, each may
    // name another by chance, where they go by different rings.
    let told_who_served = || replies.values().flatten().all(|told| told.served_by.is_some());
    let enough = shards == 1 || voices.len() >= MANY || voices.len() > 1 && told_who_served();
    match distinct.len() == voices.len() && enough {
        true => Ok(First::Known(Identities::EachItself)),
        false => Ok(First::AskMore),
    }
}

/// What several keys show, asked of every pod; the first one may be among them.
///
/// # Errors
/// Answers don't tell the pods apart: nothing can be judged.
pub fn second(replies: &BTreeMap<Ordinal, Vec<Reply>>, shards: usize) -> Result<Identities, String> {
    let voices: BTreeMap<Ordinal, BTreeSet<Ordinal>> = replies
        .iter()
        .map(|(pod, replies)| (*pod, replies.iter().filter_map(voice).collect::<BTreeSet<_>>()))
        .filter(|(_, voices)| !voices.is_empty())
        .collect();
    let varying = voices.values().filter(|voices| voices.len() > 1).count();
    // A single pod that varies among ones that don't is no forwarding: it is judged over the matrix.
    if varying * 2 >= voices.len() && varying > 0 {
        return Ok(Identities::Owner);
    }
    let mut pods: BTreeMap<Ordinal, Vec<Ordinal>> = BTreeMap::new();
    for (pod, said) in voices.iter().filter(|(_, said)| said.len() == 1) {
        pods.entry(said.iter().copied().next().unwrap_or_default())
            .or_default()
            .push(*pod);
    }
    let constant: usize = pods.values().map(Vec::len).sum();
    if constant == 1 && shards > 1 {
        return Err("only one pod says who it is, and always the same: that can't be told from a constant".to_owned());
    }
    if let (1, Some((said, _))) = (pods.len(), pods.first_key_value())
        && constant > 1
    {
        return Err(format!(
            "every pod gives the same identity, {said}, whatever the key: a constant says nothing of who answered"
        ));
    }
    if let Some((said, same)) = pods.iter().find(|(_, pods)| pods.len() > 1) {
        let same: Vec<String> = same.iter().map(Ordinal::to_string).collect();
        return Err(format!(
            "the pods {} all say that they are {said}, whatever the key: they can't be told apart",
            same.join(" and ")
        ));
    }
    match voices.is_empty() {
        true => Err("no pod says who it is".to_owned()),
        false => Ok(Identities::EachItself),
    }
}

/// Who an answer says produced it.
fn voice(reply: &Reply) -> Option<Ordinal> {
    let told = reply.as_ref().ok()?;
    told.served_by.or(told.owner)
}

/// Why no pod's identity is known: none answered, or none of the answers names one.
fn silence(replies: &BTreeMap<Ordinal, Reply>) -> String {
    let said: BTreeSet<(Failure, &str)> = replies
        .values()
        .filter_map(|reply| reply.as_ref().err())
        .map(|failed| (failed.class, failed.words.as_str()))
        .collect();
    let nameless = said
        .iter()
        .find(|(class, _)| matches!(class, Failure::NoIdentity | Failure::UnknownIdentity));
    match nameless.or(said.first()) {
        Some((Failure::NoIdentity | Failure::UnknownIdentity, words)) => format!("no pod says who it is: {words}"),
        Some((_, words)) => format!("no pod answered: {words}"),
        None => "there is no pod to ask".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fewer may answer.
    const SHARDS: usize = 5;

    fn says(owner: Ordinal) -> Reply {
        Ok(Told {
            served_by: None,
            owner: Some(owner),
        })
    }

    fn fails(class: Failure) -> Reply {
        Err(Failed::new(class, "seen"))
    }

    fn one(replies: &[Reply]) -> BTreeMap<Ordinal, Reply> {
        (0..).zip(replies.iter().cloned()).collect()
    }

    fn many(replies: &[&[Ordinal]]) -> BTreeMap<Ordinal, Vec<Reply>> {
        (0..)
            .zip(replies.iter().map(|said| said.iter().map(|said| says(*said)).collect()))
            .collect()
    }

    #[test]
    fn distinct_answers_to_one_key_are_the_pods_own() {
        let known = Ok(First::Known(Identities::EachItself));
        assert_eq!(first(&one(&[says(0), says(1), says(2), says(4)]), SHARDS), known);
        // Of few pods each may name another by chance.
        assert_eq!(first(&one(&[says(0), says(1)]), 2), Ok(First::AskMore));
        // Who doesn't answer is left to the matrix.
        let partly = one(&[says(0), fails(Failure::ConnectRefused), says(2), says(3), says(4)]);
        assert_eq!(first(&partly, SHARDS), known);
        assert_eq!(first(&one(&[says(0)]), 1), known);
    }

    #[test]
    fn who_served_counts_before_whose_key_it_is() {
        let told = |served_by| {
            Ok(Told {
                served_by: Some(served_by),
                owner: Some(7),
            })
        };
        assert_eq!(
            first(&one(&[told(0), told(1)]), SHARDS),
            Ok(First::Known(Identities::EachItself))
        );
    }

    #[test]
    fn answers_that_vary_by_key_are_the_owners() {
        assert_eq!(first(&one(&[says(4), says(4), says(4)]), SHARDS), Ok(First::AskMore));
        assert_eq!(
            second(&many(&[&[4, 1, 2], &[4, 1, 2], &[4, 1, 2]]), SHARDS),
            Ok(Identities::Owner)
        );
    }

    #[test]
    fn a_constant_stops_the_run() {
        let why = second(&many(&[&[4, 4], &[4, 4], &[4, 4]]), SHARDS).unwrap_err();
        assert!(why.contains("same identity, 4"), "{why}");
    }

    #[test]
    fn two_pods_that_are_always_the_same_stop_the_run() {
        let why = second(&many(&[&[0, 0], &[1, 1], &[1, 1]]), SHARDS).unwrap_err();
        assert!(why.starts_with("the pods 1 and 2 all say that they are 1"), "{why}");
    }

    #[test]
    fn one_pod_that_varies_among_ones_that_dont_is_no_forwarding() {
        assert_eq!(
            second(&many(&[&[0, 0], &[1, 1], &[1, 0]]), SHARDS),
            Ok(Identities::EachItself)
        );
    }

    #[test]
    fn one_voice_alone_of_several_pods_cant_be_told_from_a_constant() {
        let down = fails(Failure::ConnectRefused);
        assert_eq!(first(&one(&[says(0), down.clone()]), SHARDS), Ok(First::AskMore));
        assert_eq!(first(&one(&[says(0)]), SHARDS), Ok(First::AskMore));
        let replies = BTreeMap::from([(0, vec![says(0), says(0)]), (1, vec![down])]);
        assert!(second(&replies, SHARDS).unwrap_err().starts_with("only one pod"));
    }

    #[test]
    fn without_any_identity_nothing_can_be_judged() {
        let why = first(
            &one(&[fails(Failure::NoIdentity), fails(Failure::ConnectRefused)]),
            SHARDS,
        );
        assert_eq!(why.unwrap_err(), "no pod says who it is: seen");
        let why = first(&one(&[fails(Failure::ConnectRefused)]), SHARDS);
        assert_eq!(why.unwrap_err(), "no pod answered: seen");
    }
}
