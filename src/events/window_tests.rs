//! The window by examples, and against a model that remembers everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::super::samples::event_of;
use super::*;

const PLENTY: Option<HistoryBounds> = Some(HistoryBounds { bytes: 1 << 20, events: 1000 });

/// An event of one letter, and one of its kind.
fn event(kind: char, number: usize) -> Event {
    event_of(&kind.to_string(), &number.to_string())
}

fn wanted(kind: char) -> Wanted {
    Box::new(move |event| event.name() == kind.to_string())
}

fn number(event: &Event) -> usize {
    std::str::from_utf8(&event.raw_data().unwrap()).unwrap().parse().unwrap()
}

fn ask(window: &mut Window, id: WaitId) -> Option<usize> {
    match window.poll(id, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(event) => Some(number(&event)),
        Poll::Pending => None,
    }
}

/// Plays a script: a lower-case letter is an event, `+` a command handed over and sent, `(` handed over only, `)` the
/// sending of what was handed over, and an upper-case letter a wait. Gives what the waits got: the place of the event in the script,
/// `.` if they go on, `!` if the history has run over.
fn play(bounds: Option<HistoryBounds>, script: &str) -> String {
    let mut window = Window::new(bounds);
    let mut mark = window.mark();
    let mut waits = Vec::new();
    for (at, step) in script.chars().enumerate() {
        match step {
            'a'..='z' => window.push(&event(step, at)),
            '(' => mark = window.mark(),
            ')' => window.sent(mark),
            '+' => {
                let mark = window.mark();
                window.sent(mark);
            }
            'A'..='Z' => waits.push(window.begin(wanted(step.to_ascii_lowercase()))),
            other => panic!("{other}"),
        }
    }
    let shown = waits.into_iter().map(|wait| match wait {
        Err(RanOver) => "!".to_owned(),
        Ok(id) => ask(&mut window, id).map_or(".".to_owned(), |at| at.to_string()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_window() {
    let check = |script: &str, expected: &str| assert_eq!(play(PLENTY, script), expected, "{script}");
    // While it waits, and before.
    check("+Aa", "2");
    check("+aA", "1");
    check("+bcaA", "3");
    // The first command opens it; before that it reaches to the beginning.
    check("aA", "0");
    check("a+A", ".");
    check("a+ba+A", "3");
    // Waits in a row look at the same events, in any order, and each gets one of its own.
    check("+abBA", "2 1");
    check("+aAA", "1 .");
    check("+aAAa", "1 4");
    check("+aaAA", "1 2");
    check("+AbB", ". 2");
    // The first command after a wait opens it again, also if the wait got nothing.
    check("+aBA", ". 1");
    check("+aB+A", ". .");
    check("+aB+aA", ". 4");
    check("+aA+bA", "1 .");
    check("+Aa+aA", "2 4");
    // Only the first one does.
    check("+aB+a+cAC", ". 4 6");
    // Between handing over and sending it is open; handed over and not sent it is not.
    check("+B(a)A", ". 3");
    check("+Ba(A", ". 2");
    check("+Ba()A", ". .");
    check("+B(aA)A", ". 3 .");
    check("+B(cA)aC", ". 6 3");
    // A command of before a wait, sent while that waits, is not one after it.
    check("(+aA)", "2");
    check("+B(A)aA", ". 5 .");
}

#[test]
fn the_history_says_when_it_has_run_over() {
    let length = event('a', 10).bytes().len();
    let check = |events: usize, bytes: usize, script: &str, expected: &str| {
        assert_eq!(play(Some(HistoryBounds { bytes, events }), script), expected, "{script}");
    };
    let bounds = [(3, 1 << 20), (1000, 3 * length)];
    for (events, bytes) in bounds {
        let check = |script, expected| check(events, bytes, script, expected);
        check("+xxxxxxxxxaaaA", "!");
        check("+xxxxxxxxxaaa+bbbB", "!");
        // Once for all waits in a row, until the next command.
        check("+xxxxxxxxxaaaaAXB+bbbB", "! ! ! 18");
        // What was forgotten had come before.
        check("xxxxxxxxxxxxxxxx+aA", "17");
        // A wait that goes on sees everything.
        check("+xxxxxxxxxxxAxxxxxxa", "!");
        check("+Axxxxxxxxxxxxxxxxa", "18");
    }
    // What has ended a wait is no loss.
    check(3, 1 << 20, "+aAbcdDCB", "1 5 4 3");
    check(3, 1 << 20, "+abAcdDCB", "1 5 4 2");
    check(3, 1 << 20, "+bacAdD", "2 !");
    // One that is longer than all the room.
    check(1000, length - 1, "+xxxxxxxxxxxxA", "!");
    check(1000, length - 1, "+Axxxxxxxxxxxxa", "14");
    check(0, 1000, "+aA", "!");
    check(0, 1000, "+Aa", "2");
}

#[test]
fn without_a_history_only_what_comes_is_seen() {
    assert_eq!(play(None, "a+aAa+aA"), "4 .");
}

#[test]
fn memory_is_bounded_and_given_back() {
    let bounds = HistoryBounds { bytes: 100_000, events: 2000 };
    let mut window = Window::new(Some(bounds));
    for at in 0..50_000 {
        window.push(&event('a', at));
        assert!(window.bytes.capacity() <= bounds.bytes && window.kept.len() <= bounds.events);
    }
    let mark = window.mark();
    window.sent(mark);
    assert!(window.bytes.is_empty() && window.kept.is_empty());
    assert!(window.bytes.capacity() <= 64 << 10, "{}", window.bytes.capacity());
}

#[test]
fn what_a_given_up_wait_had_got_is_there_for_the_next() {
    let mut window = Window::new(PLENTY);
    let first = window.begin(wanted('a')).unwrap();
    window.push(&event('a', 7));
    window.cancel(first);
    let second = window.begin(wanted('a')).unwrap();
    assert_eq!(ask(&mut window, second), Some(7));
    // For one that goes on as well.
    let first = window.begin(wanted('b')).unwrap();
    let second = window.begin(wanted('b')).unwrap();
    window.push(&event('b', 8));
    assert_eq!(ask(&mut window, second), None);
    window.cancel(first);
    assert_eq!(ask(&mut window, second), Some(8));
    window.cancel(second);
    // What cannot be given back is a loss.
    let mut window = Window::new(Some(HistoryBounds { bytes: 1000, events: 1 }));
    let first = window.begin(wanted('a')).unwrap();
    window.push(&event('a', 1));
    window.push(&event('b', 2));
    window.cancel(first);
    assert_eq!(window.begin(wanted('a')), Err(RanOver));
}

#[test]
fn the_one_that_waits_is_woken() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let mut window = Window::new(PLENTY);
    let id = window.begin(wanted('a')).unwrap();
    let waker = Waker::from(Arc::clone(&count));
    assert!(window.poll(id, &mut Context::from_waker(&waker)).is_pending());
    window.push(&event('b', 0));
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    window.push(&event('a', 1));
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[derive(Debug, Clone)]
enum Op {
    Event(char),
    /// A command is handed over.
    Command,
    /// The oldest command handed over is sent.
    Send,
    /// The oldest command handed over is given up before it was sent.
    Drop,
    Wait(char),
    /// The wait in this place is asked; without its event it goes on.
    Ask(usize),
    GiveUp(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let kind = prop::sample::select(vec!['a', 'b', 'c']);
    let op = prop_oneof![
        6 => kind.clone().prop_map(Op::Event),
        3 => Just(Op::Command),
        3 => Just(Op::Send),
        1 => Just(Op::Drop),
        3 => kind.prop_map(Op::Wait),
        2 => (0..3_usize).prop_map(Op::Ask),
        1 => (0..3_usize).prop_map(Op::GiveUp),
    ];
    prop::collection::vec(op, 0..60)
}

/// The rule as it is written, on a list of everything that ever happened.
#[derive(Default)]
struct Model {
    /// The kind of each event, and whether it has ended a wait.
    events: Vec<(char, bool)>,
    start: usize,
    waits: usize,
    /// How many waits had been begun when the command that opened the window was handed over.
    opened: Option<usize>,
    /// Those that go on: what they wait for, and what they have got.
    going_on: Vec<(char, Option<usize>)>,
}

impl Model {
    /// Each event of the window that is free goes to the oldest wait for it.
    fn settle(&mut self, from: usize) {
        for wait in &mut self.going_on {
            let free = (from.max(self.start)..self.events.len()).find(|at| self.events[*at] == (wait.0, false));
            if let (None, Some(at)) = (wait.1, free) {
                self.events[at].1 = true;
                wait.1 = Some(at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn none_is_missed_and_none_ends_two(ops in ops(), room in prop_oneof![Just(1000_usize), 0..12_usize]) {
        let mut window = Window::new(Some(HistoryBounds { bytes: 1 << 20, events: room }));
        let mut model = Model::default();
        let mut commands = VecDeque::new();
        let mut waits = VecDeque::new();
        let mut got = Vec::new();
        for op in ops {
            match op {
                Op::Event(kind) => {
                    window.push(&event(kind, model.events.len()));
                    model.events.push((kind, false));
                    model.settle(model.events.len() - 1);
                }
                Op::Command => commands.push_back((window.mark(), model.events.len(), model.waits)),
                Op::Send => {
                    let Some((mark, events, waits)) = commands.pop_front() else { continue };
                    window.sent(mark);
                    if model.opened.is_none_or(|opened| waits > opened) {
                        (model.opened, model.start) = (Some(waits), events);
                    }
                }
                Op::Drop => drop(commands.pop_front()),
                Op::Wait(kind) => {
                    model.waits += 1;
                    match window.begin(wanted(kind)) {
                        Err(RanOver) => prop_assert!(model.events.len() - model.start > room),
                        Ok(id) => {
                            waits.push_back(id);
                            model.going_on.push((kind, None));
                            model.settle(0);
                        }
                    }
                }
                Op::Ask(at) if at < waits.len() => {
                    let expected = model.going_on[at].1;
                    prop_assert_eq!(ask(&mut window, waits[at]), expected);
                    if let Some(event) = expected {
                        prop_assert!(!got.contains(&event));
                        got.push(event);
                        waits.remove(at);
                        model.going_on.remove(at);
                    }
                }
                Op::GiveUp(at) if at < waits.len() => {
                    window.cancel(waits.remove(at).unwrap());
                    if let Some(event) = model.going_on.remove(at).1 {
                        model.events[event].1 = false;
                        model.settle(event);
                    }
                }
                Op::Ask(_) | Op::GiveUp(_) => {}
            }
        }
        for (id, (_, expected)) in waits.into_iter().zip(&model.going_on) {
            prop_assert_eq!(ask(&mut window, id), *expected);
        }
    }
}
