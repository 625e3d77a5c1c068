//! What the loop has said already, so that only what is new is said; and for how long the server has given no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, TO_BE_SEEN, end};
use crate::cluster::failure::Failure;
use crate::event::{Fact, TaskState};
use crate::model::outcome::End;
use crate::model::phase::Phase;
use crate::model::step::{Act, Step};
use crate::operations::means::Run;
use crate::plan::operation::{Fetching, InHand, Planner};
use crate::plan::pre_pull::Pull;
use crate::plan::story::said_by_others_since;
use crate::plan::verify::seen::Seen;

/// When trouble that goes on is said again.
const SAID_AGAIN: Duration = Duration::from_secs(30);
/// When a clause that only its timer changes is said again.
const TIMED: Duration = Duration::from_secs(10);
/// By how much a moment may seem to lie before the deletion that it follows: events have whole seconds.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// A clause that was said, and when.
struct Said {
    words: String,
    at: Instant,
}

impl Said {
    fn now(words: &str) -> Said {
        Said {
            words: words.to_owned(),
            at: Instant::now(),
        }
    }

    /// Whether these words are worth saying: with only another number in them (a timer) they are after a while.
    fn is_outdated_by(&self, words: &str) -> bool {
        let clause = |words: &str| words.replace(|c: char| c.is_ascii_digit(), "");
        self.words != words && (self.at.elapsed() >= TIMED || clause(&self.words) != clause(words))
    }
}

/// What the loop remembers for showing, and to notice that nothing moves.
pub(super) struct Shown {
    trusted_for: Duration,
    in_hand: BTreeMap<String, (Phase, Said)>,
    done: usize,
    /// What was said last by object and reason, and when: some say two things at once.
    heard: BTreeMap<String, (Timestamp, BTreeSet<String>)>,
    fetched: BTreeMap<String, TaskState>,
    fetch_began: BTreeMap<String, Timestamp>,
    waiting: Option<Said>,
    pub last_act: Option<(Act, Instant)>,
    tried: Option<Act>,
    stopping: bool,
    trouble: Option<(String, Instant)>,
    last_answer: Instant,
    pause: Duration,
    /// When everything was last read anew.
    looked: Instant,
    /// Since when every effect that was tried failed, and the pause before the next.
    failing: Option<(Instant, Duration)>,
}

impl Shown {
    /// Nothing was shown yet; the watches are trusted for so long at a time.
    pub fn new(trusted_for: Duration) -> Shown {
        Shown {
            trusted_for,
            in_hand: BTreeMap::new(),
            done: 0,
            heard: BTreeMap::new(),
            fetched: BTreeMap::new(),
            fetch_began: BTreeMap::new(),
            waiting: None,
            last_act: None,
            tried: None,
            stopping: false,
            trouble: None,
            last_answer: Instant::now(),
            pause: FIRST_PAUSE,
            looked: Instant::now(),
            failing: None,
        }
    }

    pub fn answered(&mut self) {
        self.last_answer = Instant::now();
        self.pause = FIRST_PAUSE;
    }

    /// Everything was read anew.
    pub fn looked(&mut self) {
        self.answered();
        self.looked = Instant::now();
    }

    /// How long the watches may still be trusted before everything is read anew, whatever they bring meanwhile: one of them may
    /// be silent while the others aren't.
    pub fn trust(&self) -> Duration {
        self.trusted_for.saturating_sub(self.looked.elapsed())
    }

    /// An effect had an answer.
    pub fn had_effect(&mut self) {
        self.answered();
        self.failing = None;
    }

    /// Says that an effect failed: the end where all have failed for too long, though the server may well be read; else how
    /// long to wait before the next.
    pub fn no_effect(&mut self, run: &Run, failure: &Failure) -> Result<Duration, Step> {
        let (since, pause) = self.failing.unwrap_or((Instant::now(), FIRST_PAUSE));
        self.failing = Some((since, (pause * 2).min(LONGEST_PAUSE)));
        match self.going_on(run, failure, since.elapsed()) {
            Some(ended) => Err(ended),
            None => Ok(pause),
        }
    }

    pub fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Whether this very effect was done a moment ago.
    pub fn was_just_done(&self, act: &Act) -> bool {
        self.last_act
            .as_ref()
            .is_some_and(|(done, at)| done == act && at.elapsed() < TO_BE_SEEN)
    }

    /// Says that a read failed; the end where that has gone on for too long, or can't get better.
    pub fn trouble(&mut self, run: &Run, failure: &Failure) -> Option<Step> {
        let gone_on = self.last_answer.elapsed();
        self.going_on(run, failure, gone_on)
    }

    /// Says that a request failed, unless that ends the run.
    fn going_on(&mut self, run: &Run, failure: &Failure, gone_on: Duration) -> Option<Step> {
        let hopeless = failure.is_forbidden() || matches!(failure, Failure::Unauthorized { .. });
        if hopeless || gone_on >= PATIENCE {
            return Some(end(
                End::Unreachable,
                &format!("the API server can't be used any more: {}", failure.reason()),
            ));
        }
        self.say_trouble(run, format!("{}; going on", failure.reason()));
        None
    }

    /// Says what is wrong, the same thing not again and again.
    pub fn say_trouble(&mut self, run: &Run, message: String) {
        let news = self
            .trouble
            .as_ref()
            .is_none_or(|(said, at)| *said != message || at.elapsed() > SAID_AGAIN);
        if news {
            self.trouble = Some((message.clone(), Instant::now()));
            run.events.emit(Fact::Trouble { message });
        }
    }

    /// Says, once, that the user's wish to stop was heard, and what is finished first.
    pub fn stopping<P: Planner>(&mut self, planner: &P, seen: &Seen<'_>, run: &Run, now: Timestamp) {
        if !std::mem::replace(&mut self.stopping, true) {
            let shard = planner.in_hand(seen, now).into_iter().next().map(|held| held.shard);
            run.events.emit(Fact::Stopping { shard });
        }
    }

    /// Whether this very effect was the last that had to be looked at again.
    pub fn tried_before(&mut self, act: &Act) -> bool {
        self.tried.replace(act.clone()).as_ref() == Some(act)
    }

    /// Says what is waited for while no shard is in hand.
    pub fn waits(&mut self, run: &Run, words: String) {
        if self.waiting.as_ref().is_none_or(|said| said.is_outdated_by(&words)) {
            self.waiting = Some(Said::now(&words));
            run.events.emit(Fact::Waiting { words });
        }
    }

    /// Emits what is new about the shards in hand, and those that are done.
    pub fn show<P: Planner>(&mut self, planner: &P, seen: &Seen<'_>, run: &Run, now: Timestamp) {
        let in_hand = planner.in_hand(seen, now);
        for InHand {
            shard,
            phase,
            words,
            since,
            ..
        } in &in_hand
        {
            let told = self.in_hand.get(shard);
            if told.is_none_or(|(before, said)| before != phase || said.is_outdated_by(words)) {
                self.in_hand.insert(shard.clone(), (*phase, Said::now(words)));
                run.events.emit(Fact::Shard {
                    shard: shard.clone(),
                    phase: *phase,
                    words: words.clone(),
                    since: *since,
                });
            }
        }
        self.hear(seen, run, &in_hand);
        self.show_fetching(planner.fetching(seen), run, now);
        for report in planner.done(self.done, now) {
            self.done += 1;
            self.in_hand.remove(&report.shard);
            run.events.emit(Fact::ShardDone {
                shard: report.shard,
                down_seconds: report.down_seconds,
                phases: report.phases,
            });
        }
    }

    /// Nodes that have the new images by now, or can't get them.
    fn show_fetching(&mut self, fetching: Vec<Fetching>, run: &Run, now: Timestamp) {
        for Fetching { node, pull } in fetching {
            let began = *self.fetch_began.entry(node.clone()).or_insert(now);
            let (state, words) = match pull {
                Pull::Coming(_) => continue,
                Pull::Done(_) => (TaskState::Done, String::new()),
                Pull::Failed(finding) => (TaskState::Failed, finding.message),
            };
            if self.fetched.insert(node.clone(), state) != Some(state) {
                run.events.emit(Fact::PrePull {
                    node,
                    state,
                    seconds: Some(now.duration_since(began).as_secs_f64().max(0.0)),
                    words,
                });
            }
        }
    }

    /// What others say about the shards in hand, since they are in hand.
    fn hear(&mut self, seen: &Seen<'_>, run: &Run, in_hand: &[InHand]) {
        let Some(first) = in_hand.iter().map(|held| held.since).min() else {
            return;
        };
        let told = said_by_others_since(seen, first - LATE).unwrap_or_default();
        for told in told {
            let happening = told.happening;
            let Some(held) = in_hand.iter().find(|held| told.shards.contains(&held.shard)) else {
                continue;
            };
            if happening.said < held.since - LATE {
                continue;
            }
            // Said again with another number in it (nodes, seconds, how often) is nothing new.
            let key = format!("{} {}", happening.object, happening.reason);
            let message = happening.message.replace(|c: char| c.is_ascii_digit(), "");
            let fresh = || (happening.said, BTreeSet::new());
            let (said, messages) = self.heard.entry(key).or_insert_with(fresh);
            if happening.said < *said {
                continue;
            }
            let again = messages.contains(&message);
            if happening.said > *said && !again {
                messages.clear();
            }
            *said = happening.said;
            if !again {
                messages.insert(message);
                run.events.emit(Fact::Heard(happening));
            }
        }
    }
}
