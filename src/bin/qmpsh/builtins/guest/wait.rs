//! `.wait-screen`: waits for a text on the guest's screen, or until it does not change.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::super::arguments::{Refusal, Words, seconds};
use super::{of_guest, whole};
use crate::screen::look::{Look, look};
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, Frontend, outcome};
use crate::status::{Status, Stop};
use qmpsh::pattern::Pattern;
use qmpsh::text;

/// How long to wait before the next look, at least: QEMU needs some milliseconds for each.
const PAUSE: Duration = Duration::from_millis(50);

/// How much longer a pause is than the look before it.
const SHARE: u32 = 4;

/// How long nothing changes if the user does not say.
const STABLE: Duration = Duration::from_secs(1);

/// The size of the cursor of a picture, at most.
const CURSOR: (usize, usize) = (16, 32);

/// `.wait-screen [timeout=S] PATTERN|stable[=S]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct WaitScreen {
    wanted: Wanted,
    timeout: Option<Duration>,
    /// What is awaited, safe for a terminal.
    what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// A line with this in it.
    Line(Pattern),
    /// No change for this long.
    Stable(Duration),
}

impl WaitScreen {
    pub(in super::super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [timeout, stable] = words.options(["timeout", "stable"])?;
        let timeout = timeout.map(seconds).transpose()?;
        if let Some(stable) = stable {
            return Ok(Self::stable(seconds(stable)?, timeout));
        }
        let Some(word) = words.next_raw() else {
            return Err(words.refusal("a pattern is missing"));
        };
        if word.raw == "stable" {
            return Ok(Self::stable(STABLE, timeout));
        }
        let pattern = word.text()?;
        let is_in = Pattern::new(&format!("*{pattern}*"));
        let is_in = is_in.map_err(|error| Refusal::new(word.span, text::line(&error.to_string())))?;
        if let Some(word) = words.next_raw() {
            return Err(Refusal::new(word.span, "a pattern with blanks must stand in quotes"));
        }
        let what = format!("no line of the guest's screen has `{}` in it", text::line(&pattern));
        Ok(Self { wanted: Wanted::Line(is_in), timeout, what })
    }

    fn stable(time: Duration, timeout: Option<Duration>) -> Self {
        let what = format!("the guest's screen did not stay the same for {} s", time.as_secs_f64());
        Self { wanted: Wanted::Stable(time), timeout, what }
    }
}

/// What the screen showed since it last changed.
struct Unchanged {
    look: Look,
    since: Instant,
    /// The area of a picture that changes: the cursor.
    area: Option<[usize; 4]>,
}

impl Unchanged {
    fn new(look: Look, since: Instant) -> Self {
        Self { look, since, area: None }
    }

    /// Returns true if the screen shows the same again.
    fn is_same(&mut self, now: &Look) -> bool {
        match (&self.look, now) {
            (Look::Text(before), Look::Text(now)) => before.lines() == now.lines(),
            (Look::Picture(before), Look::Picture(now)) => {
                if (before.width, before.height) != (now.width, now.height) {
                    return false;
                }
                let Some([left, top, right, bottom]) = before.difference(now) else { return true };
                let area = self.area.unwrap_or([left, top, right, bottom]);
                let area = [area[0].min(left), area[1].min(top), area[2].max(right), area[3].max(bottom)];
                self.area = Some(area);
                area[2] - area[0] < CURSOR.0 && area[3] - area[1] < CURSOR.1
            }
            _ => false,
        }
    }
}

#[async_trait(?Send)]
impl Builtin for WaitScreen {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let limit = TimeLimit::new(self.timeout.or(frontend.session().options.timeout));
        let what = "the guest's screen";
        let mut unchanged: Option<Unchanged> = None;
        let mut last = String::new();
        loop {
            let client = frontend.session().client.clone();
            let began = Instant::now();
            let looked = whole(frontend, async move { look(&client, None).await }, limit.end, what).await?;
            if let Some(look) = looked {
                last = match &look {
                    Look::Text(screen) => match screen.text().lines().last() {
                        Some(line) => format!("; its last line is `{}`", text::line(line)),
                        None => "; it is blank".to_owned(),
                    },
                    Look::Picture(_) => "; it shows a picture".to_owned(),
                };
                match &self.wanted {
                    Wanted::Line(pattern) => {
                        if let Look::Text(screen) = &look
                            && screen.lines().iter().any(|line| pattern.matches(line))
                        {
                            return Ok(());
                        }
                    }
                    Wanted::Stable(time) => {
                        let is_same = unchanged.as_mut().is_some_and(|unchanged| unchanged.is_same(&look));
                        match &unchanged {
                            Some(unchanged) if is_same && unchanged.since.elapsed() >= *time => return Ok(()),
                            _ if is_same => {}
                            _ => unchanged = Some(Unchanged::new(look, began)),
                        }
                    }
                }
                let pause = PAUSE.max(began.elapsed() * SHARE);
                let paused = async {
                    sleep(pause).await;
                    Ok(())
                };
                if of_guest(frontend, paused, limit.end, what).await?.is_some() {
                    continue;
                }
            }
            let message = format!("{} within {limit}{last}", self.what);
            return Err(Stop::new(Status::TimedOut, outcome::too_late(&message)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::arguments::read_line;
    use super::*;
    use crate::screen::picture::Picture;

    #[test]
    fn a_pattern_or_stable_is_read() {
        let read = |words: &str| read_line(&format!(".wait-screen {words}"), WaitScreen::read);
        let check = |words: &str, timeout: Option<u64>, stable: Option<f64>, line: &str| {
            let wait = read(words).unwrap();
            assert_eq!(wait.timeout, timeout.map(Duration::from_secs), "{words}");
            match wait.wanted {
                Wanted::Stable(time) => assert_eq!(Some(time.as_secs_f64()), stable, "{words}"),
                Wanted::Line(pattern) => assert!(stable.is_none() && pattern.matches(line), "{words}"),
            }
        };
        check("login:", None, None, "web1 login: ");
        check("timeout=5 \"Press * for\"", Some(5), None, "Press Ctrl-B for the iPXE command line...");
        check("\"stable\"", None, None, "is stable now");
        check("stable", None, Some(1.0), "");
        check("stable=0.5 timeout=3", Some(3), Some(0.5), "");
        for (words, expected) in [
            ("", "a pattern is missing (usage: .wait-screen"),
            ("a b", "a pattern with blanks must stand in quotes"),
            ("stable=x", "not a time in seconds"),
            ("[a", "bad pattern"),
        ] {
            let message = read(words).unwrap_err();
            assert!(message.contains(expected), "{words}: {message}");
        }
    }

    #[test]
    fn a_cursor_in_a_picture_is_no_change() {
        let picture = |places: &[(usize, usize)]| {
            let mut picture = Picture { width: 64, height: 64, pixels: vec![0; 64 * 64 * 3] };
            for (x, y) in places {
                picture.pixels[(y * 64 + x) * 3] = 1;
            }
            Look::Picture(picture)
        };
        let mut unchanged = Unchanged::new(picture(&[]), Instant::now());
        assert!(unchanged.is_same(&picture(&[(0, 0), (15, 31)])));
        assert!(unchanged.is_same(&picture(&[])));
        // Another place than the cursor's.
        assert!(!unchanged.is_same(&picture(&[(16, 0)])));
        let mut unchanged = Unchanged::new(picture(&[]), Instant::now());
        assert!(!unchanged.is_same(&picture(&[(0, 0), (0, 32)])));
    }
}
