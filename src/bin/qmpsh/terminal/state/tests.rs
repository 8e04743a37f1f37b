use std::sync::Arc;
use std::thread;

use super::typing::Interrupted;
use super::*;
use crate::terminal::queue::Chunk;

fn shared(prompt: &str) -> Shared {
    Shared::new(prompt.to_owned(), || {})
}

fn text(chunk: &Chunk) -> &str {
    std::str::from_utf8(&chunk.text).unwrap()
}

/// One turn of the printer; the chunk must be there.
fn print(shared: &Shared) -> String {
    let chunk = shared.next_chunk().unwrap();
    shared.wrote(&chunk, true);
    text(&chunk).to_owned()
}

#[test]
fn while_a_line_is_typed_the_prompt_brings_what_is_pending() {
    let shared = shared("> ");
    shared.begin().unwrap();
    shared.line("before");
    assert_eq!(shared.paint("> ", true, false), "before\n> ");
    shared.event("STOP", "event");
    shared.line("line");
    assert_eq!(shared.paint("> ", true, false), "event\nline\n> ");
    assert_eq!(shared.paint("> ", true, false), "> ");
    shared.line("late");
    shared.end();
    assert_eq!(print(&shared), "late\n");
}

#[test]
fn results_are_printed_before_the_line_begins() {
    let shared = Arc::new(shared("> "));
    shared.line("line");
    shared.output(Bytes::from_static(b"result"));
    let editor = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            shared.begin().unwrap();
            shared.paint("> ", true, false).into_owned()
        }
    });
    assert_eq!(print(&shared), "line\nresult\n");
    assert_eq!(editor.join().unwrap(), "> ");
}

#[test]
fn a_line_waits_for_the_chunk_being_written() {
    let shared = Arc::new(shared("> "));
    shared.line("slow");
    let chunk = shared.next_chunk().unwrap();
    shared.line("next");
    let editor = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            shared.begin().unwrap();
            shared.paint("> ", true, false).into_owned()
        }
    });
    while shared.lock().phase == Phase::Idle {
        thread::yield_now();
    }
    assert_eq!(shared.lock().phase, Phase::Starting);
    shared.wrote(&chunk, true);
    assert_eq!(print(&shared), "next\n");
    assert_eq!(editor.join().unwrap(), "> ");
}

#[test]
fn one_repaint_is_asked_for_at_a_time_and_none_before_the_first() {
    let shared = shared("> ");
    shared.line("a");
    assert!(!shared.begin_wake(), "idle");
    print(&shared);
    shared.begin().unwrap();
    assert!(!shared.begin_wake(), "not painted");
    shared.paint("> ", true, false);
    assert!(!shared.begin_wake(), "nothing pending");
    shared.line("b");
    assert!(shared.begin_wake());
    shared.end_wake();
    assert!(!shared.begin_wake(), "asked already");
    assert_eq!(shared.paint("(reverse-i-search)`': ", false, false), "b\n(reverse-i-search)`': ");
    shared.line("c");
    assert!(!shared.begin_wake(), "the token is still in its pipe during Ctrl-R");
    shared.paint("> ", true, false);
    shared.line("d");
    assert!(shared.begin_wake());
    shared.end_wake();
    shared.end();
    assert!(!shared.begin_wake(), "idle again");
}

#[test]
fn a_prompt_changes_live_only_at_its_width() {
    let shared = shared("(a) ");
    shared.begin().unwrap();
    for (set, painted) in [("(b) ", "(b) "), ("(bb) ", "(a) "), ("(é) ", "(é) "), ("(漢) ", "(a) ")] {
        shared.set_prompt(set);
        assert_eq!(shared.paint("(a) ", true, false), painted);
    }
    assert_eq!(shared.paint("(search) ", false, false), "(search) ");
}

#[test]
fn a_line_begins_anew_for_a_prompt_of_another_width() {
    let shared = shared("(a) ");
    shared.begin().unwrap();
    shared.note("text", 2);
    assert_eq!(shared.paint("(a) ", true, false), "(a) ");
    assert_eq!(shared.begin_anew("(a) ", 80), None, "nobody has asked for that");
    shared.set_prompt("(bb) ");
    shared.paint("(search) ", false, false);
    assert_eq!(shared.begin_anew("(a) ", 80), None, "not within a search");
    shared.paint("(a) ", true, false);
    assert_eq!(shared.begin_anew("(a) ", 80).unwrap().parts(), ("te", "xt"));
    shared.line("line");
    assert_eq!(shared.paint("(bb) ", true, false), "\x1b[1A\r\x1b[Jline\n(bb) ");
    assert_eq!(shared.paint("(bb) ", true, false), "(bb) ");
    // The line is finished before it could begin anew.
    shared.set_prompt("(a) ");
    shared.paint("(bb) ", true, false);
    shared.end();
    assert_eq!(shared.begin_anew("(bb) ", 80), None);
    // Ctrl-C of the console's own comes first.
    shared.begin().unwrap();
    shared.paint("(bb) ", true, false);
    shared.interrupt();
    assert_eq!(shared.begin_anew("(bb) ", 80), None);
}

#[test]
fn the_line_after_what_was_typed_ahead_begins_anew() {
    let shared = shared("> ");
    shared.drop_typed_ahead();
    shared.begin().unwrap();
    shared.paint("> ", true, false);
    assert!(shared.drops_keys());
    // A key that ends a line was among them, so the signal is asked for again.
    assert!(shared.drops_line());
    assert_eq!(shared.begin_anew("> ", 80), None);
    shared.drop_typed_ahead();
    shared.paint("> ", true, false);
    assert_eq!(shared.begin_anew("> ", 80).unwrap().parts(), ("", ""));
    assert!(!shared.drops_keys() && !shared.drops_line());
    shared.paint("> ", true, false);
    assert_eq!(shared.begin_anew("> ", 80), None, "once");
}

#[test]
fn a_long_result_while_typing_comes_in_parts() {
    let shared = shared("> ");
    shared.begin().unwrap();
    shared.paint("> ", true, false);
    let half = "x".repeat(CHUNK - 1) + "\n";
    shared.output(Bytes::from(half.clone() + &half));
    assert_eq!(shared.paint("> ", true, false), half.clone() + "> ");
    assert!(shared.begin_wake(), "the rest needs another repaint");
    assert_eq!(shared.paint("> ", true, false), half + "> ");
}

#[test]
fn printed_is_told_when_the_last_of_it_was_written() {
    let shared = shared("> ");
    assert!(shared.when_printed().is_none());
    shared.line("a");
    let mut first = shared.when_printed().unwrap();
    let chunk = shared.next_chunk().unwrap();
    shared.line("b");
    let mut second = shared.when_printed().unwrap();
    assert!(first.try_recv().is_err());
    shared.wrote(&chunk, true);
    assert!(first.try_recv().is_ok() && second.try_recv().is_err());
    shared.close();
    assert!(second.try_recv().is_ok() && shared.when_printed().is_none());
}

#[test]
fn a_dead_terminal_takes_and_keeps_nothing() {
    let shared = shared("> ");
    shared.line("a");
    let chunk = shared.next_chunk().unwrap();
    shared.wrote(&chunk, false);
    shared.line("b");
    assert!(shared.next_chunk().is_none() && shared.lock().queue.is_empty());
}

#[test]
fn while_the_terminal_is_handed_over_nothing_is_written() {
    let shared = shared("> ");
    shared.line("a");
    let chunk = shared.next_chunk().unwrap();
    let mut written = shared.hand_over().unwrap();
    shared.line("b");
    assert!(written.try_recv().is_err());
    shared.wrote(&chunk, true);
    assert!(written.try_recv().is_ok() && shared.hand_over().is_none());
    thread::scope(|scope| {
        let printer = scope.spawn(|| print(&shared));
        assert!(shared.when_printed().is_some());
        shared.take_back();
        assert_eq!(printer.join().unwrap(), "b\n");
    });
}

#[test]
fn closing_prints_what_is_pending_and_starts_no_line() {
    let shared = shared("> ");
    shared.line("a");
    shared.start_closing();
    assert_eq!(shared.begin(), Err(Interrupted));
    assert_eq!(print(&shared), "a\n");
    assert!(shared.next_chunk().is_none() && !shared.wait_to_wake());
}

#[test]
fn an_interrupt_before_the_line_begins_needs_no_signal() {
    let shared = shared("> ");
    shared.output(Bytes::from_static(b"never written"));
    assert!(!shared.interrupt());
    assert_eq!(shared.begin(), Err(Interrupted));
    shared.interrupt_done();
    print(&shared);
    shared.begin().unwrap();
    assert!(!shared.interrupt(), "rustyline has not set up its handler");
    shared.paint("> ", true, false);
    assert!(shared.interrupt());
}

#[test]
fn a_plain_prompt_comes_last_and_again() {
    let shared = shared("> ");
    shared.show_prompt();
    shared.line("a");
    assert_eq!(print(&shared), "a\n");
    assert_eq!(print(&shared), "> ");
    shared.line("b");
    assert_eq!(print(&shared), "\nb\n");
    assert_eq!(print(&shared), "> ");
    shared.hide_prompt();
    shared.line("c");
    assert_eq!(print(&shared), "c\n");
}

#[test]
fn a_transient_line_is_replaced_and_gives_way() {
    let shared = shared("> ");
    shared.transient(Some("10%".into()));
    assert_eq!(print(&shared), "\r10%\x1b[K\r");
    shared.transient(Some("20%".into()));
    shared.event("STOP", "event");
    assert_eq!(print(&shared), "\r\x1b[Kevent\n");
    assert_eq!(print(&shared), "\r20%\x1b[K\r");
    // Once more the same: nothing is written for it.
    shared.transient(Some("20%".into()));
    shared.transient(None);
    shared.line("done");
    assert_eq!(print(&shared), "\r\x1b[Kdone\n");
    shared.start_closing();
    assert!(shared.next_chunk().is_none());
}

#[test]
fn a_transient_line_goes_before_a_line_begins() {
    let shared = Arc::new(shared("> "));
    shared.transient(Some("10%".into()));
    assert_eq!(print(&shared), "\r10%\x1b[K\r");
    // It is still wanted, and nothing else is to be printed.
    let editor = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            shared.begin().unwrap();
            shared.paint("> ", true, false).into_owned()
        }
    });
    assert_eq!(print(&shared), "\r\x1b[K");
    assert_eq!(editor.join().unwrap(), "> ");
}

#[test]
fn flushed_means_that_the_transient_line_is_gone() {
    let shared = shared("> ");
    shared.transient(Some("10%".into()));
    assert!(shared.when_printed().is_none());
    assert_eq!(print(&shared), "\r10%\x1b[K\r");
    shared.transient(None);
    let mut flushed = shared.when_printed().unwrap();
    assert!(flushed.try_recv().is_err());
    assert_eq!(print(&shared), "\r\x1b[K");
    assert!(flushed.try_recv().is_ok());
    // When the shell ends with one on the terminal, it goes too.
    shared.transient(Some("20%".into()));
    assert_eq!(print(&shared), "\r20%\x1b[K\r");
    shared.start_closing();
    assert_eq!(print(&shared), "\r\x1b[K");
    assert!(shared.next_chunk().is_none());
}
