//! All jobs of a session, also those that have ended.

use std::collections::{HashMap, HashSet, VecDeque};

use super::job::{End, Job};
use super::qapi::{self, BlockJobEvent, JobInfo, StatusChange};
use super::status::Status;
use crate::message::Event;

/// How many ended jobs are remembered, and how many others at most.
pub const REMEMBERED: usize = 1000;

/// The longest `data` of an event that is read, and the longest text that is kept of a reply, in bytes.
///
/// Those of a real QEMU have some hundred. What a hostile peer sends must not fill the memory.
const LONGEST: usize = 16 * 1024;

/// The jobs of one session, by id. If an id is used again, the last job counts.
///
/// Feed it every event in order, and each reply to a query with the value of [`latest`](Self::latest) from when the query was
/// sent. QEMU may put a reply together, send events, and send the reply after them, as 7.2 does with `query-jobs`. So a reply
/// does not overrule an event about a job that came since.
#[derive(Debug, Default)]
pub struct Jobs {
    known: HashMap<String, Job>,
    /// The jobs that are gone, the oldest first, with their numbers: an id may have been used again.
    gone: VecDeque<(u64, String)>,
    /// How many jobs were seen.
    count: u64,
    /// The arrival of the last event about a job.
    latest: u64,
}

impl Jobs {
    /// Returns the job of this id, or the last one that had it.
    pub fn get(&self, id: &str) -> Option<&Job> {
        self.known.get(id)
    }

    /// Returns all jobs in the order in which they were first seen.
    pub fn all(&self) -> Vec<&Job> {
        let mut all: Vec<_> = self.known.values().collect();
        all.sort_unstable_by_key(|job| job.number);
        all
    }

    /// Returns the arrival of the last event about a job. Read it before sending a query.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Forgets everything: the next peer may be another one.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes in an event. Returns true if it is about a job.
    pub fn on_event(&mut self, event: &Event) -> bool {
        let name = event.name();
        if !qapi::concerns_jobs(name.as_bytes()) {
            return false;
        }
        let Some(data) = event.raw_data().filter(|data| data.len() <= LONGEST) else { return false };
        if name == qapi::STATUS_CHANGE {
            let change = serde_json::from_slice(&data);
            let time =
                event.timestamp().and_then(|(seconds, micros)| seconds.checked_mul(1_000_000)?.checked_add(micros));
            change.map(|change| self.on_status(&change, event.arrival(), time)).is_ok()
        } else {
            let told = serde_json::from_slice(&data);
            told.map(|told| self.on_block_job(&name, told, event.arrival())).is_ok()
        }
    }

    /// Takes in what `query-jobs` or `query-block-jobs` returned. `asked` is what [`latest`](Self::latest) was when it was sent.
    /// Returns false if `result` is not what the command returns.
    ///
    /// If `are_all`, a job that is missing has ended. `query-block-jobs` has all only if the peer has no `query-jobs`.
    pub fn on_query(&mut self, result: &[u8], asked: u64, are_all: bool) -> bool {
        let Ok(infos) = serde_json::from_slice::<Vec<JobInfo>>(result) else { return false };
        for info in infos.iter().take(REMEMBERED) {
            self.on_listed(info, asked);
        }
        if are_all {
            self.on_missing(asked, &infos.iter().map(|info| info.id.as_str()).collect());
        }
        true
    }

    fn on_status(&mut self, change: &StatusChange, arrival: u64, time: Option<i64>) {
        let status = Status::from(&*change.status);
        let is_gone = self.known.get(&change.id).is_some_and(Job::is_gone);
        if status == Status::Null && is_gone {
            return;
        }
        // An id can be used again as soon as its last job is gone.
        if status == Status::Created || is_gone {
            self.known.remove(&change.id);
        }
        self.latest = self.latest.max(arrival);
        let job = self.job(&change.id);
        job.heard = arrival;
        job.io_error &= status.is_paused();
        job.aborted |= status == Status::Aborting;
        job.was_asked = false;
        match status {
            Status::Created => job.began = time,
            Status::Concluded => job.ended = time,
            _ => {}
        }
        if status == Status::Null {
            self.on_gone(&change.id);
        } else {
            job.status = Some(status);
        }
    }

    fn on_block_job(&mut self, name: &str, told: BlockJobEvent, arrival: u64) {
        let end = match name {
            qapi::COMPLETED => Some(End::Completed),
            qapi::CANCELLED => Some(End::Cancelled),
            qapi::READY | qapi::PENDING | qapi::ERROR => None,
            _ => return,
        };
        if self.known.get(&told.device).is_some_and(Job::is_gone) {
            // Without JOB_STATUS_CHANGE no other sign says that an id is used again.
            self.known.remove(&told.device);
        }
        self.latest = self.latest.max(arrival);
        let job = self.job(&told.device);
        job.heard = arrival;
        job.progress = told.progress().or(job.progress);
        job.kind = told.kind.or(job.kind.take());
        job.error = told.error.or(job.error.take());
        job.end = end.or(job.end);
        if name == qapi::ERROR {
            job.io_error = told.action.as_deref() == Some("stop");
        }
        // Before QEMU 3.0 this is the only sign.
        if end.is_some() && job.status.is_none() {
            self.on_gone(&told.device);
        }
    }

    /// Takes in a job that a query lists, unless an event about it came since.
    fn on_listed(&mut self, info: &JobInfo, asked: u64) {
        let known = self.known.get(&info.id);
        if info.id.len() > LONGEST || known.is_some_and(|job| job.heard > asked) {
            return;
        }
        if known.is_some_and(Job::is_gone) {
            // Another job of that id, whose beginning was not seen.
            self.known.remove(&info.id);
        }
        let status = info.status();
        let job = self.job(&info.id);
        job.heard = asked;
        job.kind = Some(kept(&info.kind));
        job.progress = info.progress().or(job.progress);
        job.speed = info.speed.or(job.speed);
        job.aborted |= status == Status::Aborting;
        job.was_asked = true;
        job.io_error = match info.io_status.as_deref() {
            Some(io_status) => io_status != "ok",
            None => job.io_error && status.is_paused(),
        };
        job.error = info.error.as_deref().map(kept).or(job.error.take());
        job.status = Some(status);
    }

    /// Ends the jobs that a query does not list anymore.
    fn on_missing(&mut self, asked: u64, listed: &HashSet<&str>) {
        let missing = |job: &&Job| !job.gone && job.heard <= asked && !listed.contains(job.id.as_str());
        let ids: Vec<String> = self.known.values().filter(missing).map(|job| job.id.clone()).collect();
        for id in ids {
            self.on_gone(&id);
        }
    }

    /// Returns the job of this id, a new one if there is none.
    fn job(&mut self, id: &str) -> &mut Job {
        if !self.known.contains_key(id) && self.known.len() >= 2 * REMEMBERED {
            let oldest = self.known.values().filter(|job| !job.gone).min_by_key(|job| job.number);
            if let Some(oldest) = oldest.map(|job| job.id.clone()) {
                self.known.remove(&oldest);
            }
        }
        let count = &mut self.count;
        self.known.entry(id.to_owned()).or_insert_with(|| {
            *count += 1;
            Job::new(id, *count)
        })
    }

    fn on_gone(&mut self, id: &str) {
        let Some(job) = self.known.get_mut(id) else { return };
        job.gone = true;
        self.gone.push_back((job.number, job.id.clone()));
        while self.gone.len() > REMEMBERED {
            let Some((number, id)) = self.gone.pop_front() else { return };
            if self.known.get(&id).is_some_and(|job| job.number == number) {
                self.known.remove(&id);
            }
        }
    }
}

/// Returns the beginning of a text, at most as much as is kept.
pub(super) fn kept(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

impl JobInfo {
    /// Returns the status; before QEMU 2.12 it follows from the flags.
    fn status(&self) -> Status {
        match &self.status {
            Some(status) => Status::from(&*kept(status)),
            None => match (self.paused, self.ready) {
                (false, false) => Status::Running,
                (false, true) => Status::Ready,
                (true, false) => Status::Paused,
                (true, true) => Status::Standby,
            },
        }
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
