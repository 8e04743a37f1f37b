//! `.help NAME` and `.commands`.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use qmpsh::language::syntax::{Statement, parse};
use qmpsh::language::typing::{Sources, Types, request};
use qmpsh::schema::Schema;

use super::lines;
use crate::shell::is_at_prompt;
use crate::support::{Mock, Qemu, qmpsh, temporary_directory};

/// As QEMU 7.2's page has it, but for the version.
const PAGE: &str = r#".TH "QEMU-QMP-REF" "7" "May 25, 2026" "VERSION" "QEMU"
.SS \fBblock_resize\fP (Command)
.sp
Resize a block image while a guest is running.
.SS Arguments
.INDENT 0.0
.TP
.B \fBsize\fP: \fBint\fP
new image size in bytes
.UNINDENT
.SS Since
.sp
0.14
.SS Example
.INDENT 0.0
.INDENT 3.5
.sp
.nf
.ft C
\-> { \(dqexecute\(dq: \(dqblock_resize\(dq,
     \(dqarguments\(dq: { \(dqdevice\(dq: \(dqscratch\(dq, \(dqsize\(dq: 1073741824 } }
<\- { \(dqreturn\(dq: {} }
.ft P
.fi
.UNINDENT
.UNINDENT
.SS \fBBlockdevCacheOptions\fP (Object)
.sp
Includes cache\-related options for block devices
"#;

/// A directory with that page for this version, and what to give as `MANPATH`.
fn manual(version: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = temporary_directory();
    fs::create_dir(directory.path().join("man7")).unwrap();
    fs::write(directory.path().join("man7/qemu-qmp-ref.7"), PAGE.replace("VERSION", version)).unwrap();
    let path = directory.path().to_owned();
    (directory, path)
}

/// The version of this peer, as `7.2.22`.
fn version(qemu: &Qemu) -> String {
    let version = &qemu.hold().execute(r#"{"execute":"query-version"}"#)["qemu"];
    format!("{}.{}.{}", version["major"], version["minor"], version["micro"])
}

#[test]
fn help_combines_schema_and_manual() {
    let qemu = Qemu::none().start();
    let version = version(&qemu);
    let (_directory, path) = manual(&version);
    let help = |words: &[&str]| {
        qmpsh().env("MANPATH", &path).arg(qemu.socket()).arg(".help").args(words.iter().copied()).run()
    };
    help(&["block_resize"]).status(0).stderr("").stdout(&format!(
        "block_resize (command)\n\nResize a block image while a guest is running.\n\nArguments:\n  \
         device     optional string\n  node-name  optional string\n  size       integer -- new image size in bytes\n\n\
         Returns: nothing\n\nExample:\n  block_resize device=scratch size=1073741824\n\n\
         (From qemu-qmp-ref(7), QEMU {version}; since QEMU 0.14.)\n",
    ));
    help(&["DEVICE_DELETED"])
        .status(0)
        .stdout("DEVICE_DELETED (event)\n\nData:\n  device  optional string\n  path    string\n");
    // A type has a name only in the manual.
    help(&["BlockdevCacheOptions"]).status(0).stdout(&format!(
        "BlockdevCacheOptions in qemu-qmp-ref(7), QEMU {version}:\n\nIncludes cache-related options for block devices\n",
    ));
    for (name, near) in [
        ("quer-status", "did you mean query-status?"),
        ("DEVICE_DELTED", "did you mean DEVICE_DELETED?"),
        ("BlockdevCaceOptions", "did you mean BlockdevCacheOptions?"),
        ("wathc", "did you mean watch?"),
        (".wathc", "did you mean .watch?"),
        ("xyzzy", ".commands those of the peer"),
        ("-k", "`man qmpsh` and `qmpsh --help` describe the options"),
    ] {
        let unknown = help(&[name]);
        unknown.status(1).stdout("").stderr_contains(&format!("no help for `{name}` (")).stderr_contains(near);
    }
    help(&["screenshot"]).status(0).stdout_contains("screendump filename=");
    // Of the shell and of the peer.
    help(&["quit"]).status(0).stdout_contains(".quit\n  Leave qmpsh").stdout_contains("\nquit (command)\n");
    help(&[".quit"]).status(0).stdout_contains(".quit\n  Leave qmpsh");
    help(&["watch"]).status(0).stdout_contains(".watch [SECONDS]");
    help(&[".quit", "now"]).status(2).stderr_contains("only PATH=VALUE may follow");
    // Several words are searched for, all of them.
    help(&["dirty", "bitmap", "merge"]).status(0).stdout_contains("block-dirty-bitmap-merge ");
    help(&["stop", "nosuchword"]).status(1).stderr_contains("no help for `stop nosuchword` (");
    help(&["hostfwd"]).status(0).stdout_contains("In the human monitor: hostfwd_add, hostfwd_remove (.hmp help");
    help(&["query-pci"]).status(0).stdout_contains("\n`.show pci` shows it for people.\n");
    help(&["query-jobs"]).status(0).stdout_contains("\n`.jobs` shows it for people.\n");
}

#[test]
fn help_names_a_manual_of_another_version() {
    let qemu = Qemu::none().start();
    let version = version(&qemu);
    let (_directory, path) = manual("6.2.0");
    let help = |name: &str| qmpsh().env("MANPATH", &path).arg(qemu.socket()).args([".help", name]).run();
    help("block_resize").status(0).stderr("").stdout(&format!(
        "block_resize (command) in QEMU {version}; the installed manual is for QEMU 6.2.0\n\n\
         Resize a block image while a guest is running.\n\nArguments:\n  \
         size       integer -- new image size in bytes\n  device     optional string (not in the manual)\n  \
         node-name  optional string (not in the manual)\n\nReturns: nothing\n\nExample:\n  \
         block_resize device=scratch size=1073741824\n\n(From qemu-qmp-ref(7), QEMU 6.2.0; since QEMU 0.14.)\n",
    ));
    help("BlockdevCacheOptions")
        .status(0)
        .stdout_contains(&format!("BlockdevCacheOptions in qemu-qmp-ref(7), QEMU 6.2.0 (this is QEMU {version}):\n"));
    // The manual has not got it.
    help("DEVICE_DELETED").status(0).stdout_contains("DEVICE_DELETED (event)\n");
}

#[test]
fn help_shows_unions() {
    let qemu = Qemu::none().start();
    let help = |words: &[&str]| {
        qmpsh().env("MANPATH", "/nonexistent").arg(qemu.socket()).arg(".help").args(words.iter().copied()).run()
    };
    let all = help(&["blockdev-add"]);
    let text = all.status(0).stdout_text();
    for part in [
        "blockdev-add (command)\n\nArguments:\n  driver          one of blkdebug, ",
        "\n  node-name       optional string\n",
        "\n  cache           optional object\n  cache.direct    optional boolean\n",
        "\n  with driver=qcow2:\n    file      ",
        "\n    with encrypt.format=luks:\n      encrypt.key-secret  optional string\n",
        "\n  with driver=file, host_cdrom, host_device:\n    filename               string\n",
        "string or object, as the arguments of\n",
        "\n`.help blockdev-add driver=VALUE` shows one of these alone.\n",
        "\nReturns: nothing\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let one = help(&["blockdev-add", "driver=qcow2"]);
    let text = one.status(0).stdout_text();
    assert!(text.contains("driver          qcow2\n") && !text.contains("rbd") && !text.contains(".help"), "{text}");
    help(&["blockdev-add", "driver=qcow3"])
        .status(1)
        .stderr_contains("blockdev-add has nothing for driver=qcow3: driver is one of blkdebug, ");
    help(&["stop", "driver=x"]).status(1).stderr_contains("nothing in stop depends on `driver`");
    // Marks, out of band, a result that has lists, arguments that the schema does not list.
    help(&["x-debug-query-block-graph"]).status(0).stdout_contains("(command, unstable)\n");
    help(&["drive-backup"]).status(0).stdout_contains("drive-backup (command, deprecated)\n");
    help(&["block_set_io_throttle"]).status(0).stdout_contains("optional string (deprecated)\n");
    help(&["yank"]).status(0).stdout_contains("\nIt may go out of band: .oob\n");
    help(&["query-block"]).status(0).stdout_contains("\nReturns list of objects, each with:\n  device  ");
    help(&["device_add"]).status(0).stdout_contains("and any property of the device");
    // Every command and event has an end, and fits.
    let names = qmpsh().arg(qemu.socket()).arg(".commands").run().status(0).stdout_text();
    let all: Vec<String> = names.lines().map(|name| format!(".help {name}")).collect();
    let all = all.join("\n");
    let shown = qmpsh().env("MANPATH", "/nonexistent").arg(qemu.socket()).stdin(&all).run().status(0).stdout_text();
    assert_eq!(shown.matches(" (command").count(), names.lines().count());
}

#[test]
fn commands_lists_what_the_peer_offers() {
    let qemu = Qemu::none().start();
    let commands = |options: &[&str], words: &[&str]| {
        qmpsh().args(options.iter().copied()).arg(qemu.socket()).arg(".commands").args(words.iter().copied()).run()
    };
    let status = "query-stats\nquery-stats-schemas\nquery-status\n";
    commands(&[], &["query-stat*"]).status(0).stdout(status);
    commands(&[], &["query-statu?"]).status(0).stdout("query-status\n");
    let entry = r#"[{"name":"query-status","arguments":[],"deprecated":false,"unstable":false,"enabled":true}]"#;
    commands(&["-o", "json"], &["query-status"]).status(0).stdout(&format!("{entry}\n"));
    // As if the peer had returned it.
    commands(&["-o", "raw"], &["query-status"]).status(0).stdout(&format!("{{\"return\": {entry}}}\n"));
    assert!(commands(&[], &[]).status(0).stdout_text().lines().count() > 200);
    // A plain word is a part of a name.
    commands(&[], &["QUERY-STAT"]).status(0).stdout(status);
    commands(&[], &["query-sta?"]).status(1).stdout("").stderr_contains("the peer has no command `query-sta?`\n");
    for (word, hint) in
        [("query-staut", "did you mean query-status?"), ("xyzzy", "`.help xyzzy` searches the descriptions")]
    {
        let message = format!("no command of the peer has `{word}` in its name ({hint})\n");
        commands(&[], &[word]).status(1).stdout("").stderr_contains(&message);
    }
    commands(&[], &["x*y"]).status(1).stderr_contains("the peer has no command `x*y`\n");
    commands(&[], &["[a"]).status(2).stderr_contains("bad pattern `[a`");
    commands(&["-o", "json"], &["query-status"]).status(0).stdout(
        "[{\"name\":\"query-status\",\"arguments\":[],\"deprecated\":false,\"unstable\":false,\"enabled\":true}]\n",
    );
    commands(&["-o", "table"], &["query-status"]).status(0).stdout_contains("name          arguments");
    let daemon = Qemu::storage_daemon().start();
    lines(&daemon.socket(), &[".commands block_resize", ".help block_resize"]).run().status(0);
    lines(&daemon.socket(), &[".commands query-status"]).run().status(1);
    // The manual is of all of QEMU.
    let (_directory, path) = manual("6.2.0");
    let page = fs::read_to_string(path.join("man7/qemu-qmp-ref.7")).unwrap().replace("block_resize", "no_such_command");
    fs::write(path.join("man7/qemu-qmp-ref.7"), page).unwrap();
    let shown = lines(&daemon.socket(), &[".help no_such_command"]).env("MANPATH", &path).run();
    let shown = shown.status(0).stdout_text();
    let begin = format!(
        "This peer does not offer no_such_command: it is QEMU {}; the installed manual is for QEMU 6.2.0.\n\n\
         no_such_command in qemu-qmp-ref(7), QEMU 6.2.0:\n",
        version(&daemon)
    );
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&shown).starts_with(&words(&begin)) && shown.lines().all(|line| line.len() <= 80), "{shown}");
}

#[test]
fn commands_lists_what_a_guest_agent_offers() {
    let info = r#"{"version":"7.2","supported_commands":[{"enabled":true,"name":"guest-ping","success-response":true},
        {"enabled":false,"name":"guest-shutdown","success-response":false}]}"#;
    let agent = || {
        Mock::new()
            .expect_execute("query-qmp-schema")
            .error("CommandNotFound", "no such command")
            .expect_execute("guest-info")
            .reply(info)
            .unix()
    };
    let mock = agent();
    let shown =
        lines(mock.socket(), &[".commands", ".help guest-shutdown"]).arg("-N").env("MANPATH", "/nonexistent").run();
    shown.status(0).stdout(
        "guest-ping\nguest-shutdown\nguest-shutdown (command)\n\nThe peer's configuration disables it.\n\n\
         A success is not answered.\n\nThe guest agent does not say what its commands take and return.\n",
    );
    mock.finish();
    let mock = Mock::new()
        .expect_execute("query-qmp-schema")
        .error("CommandNotFound", "no such command")
        .expect_execute("guest-info")
        .error("CommandNotFound", "no such command")
        .unix();
    let silent =
        lines(mock.socket(), &[".commands", ".help stop"]).args(["-N", "-k"]).env("MANPATH", "/nonexistent").run();
    silent
        .status(1)
        .stderr_contains("-c:1: the peer does not list its commands\n")
        .stderr_contains("-c:2: no help for `stop` (the peer does not list its commands, and no installed");
    mock.finish();
}

#[test]
fn help_on_a_terminal_is_escaped() {
    let (_directory, path) = manual("7.2.0");
    let schema = r#"[{"name":"a\u001b[2Jb","meta-type":"command","arg-type":"0","ret-type":"0"},
        {"name":"stop","meta-type":"command","arg-type":"0","ret-type":"1"},
        {"name":"0","meta-type":"object","members":[{"name":"x\u202e","type":"1","default":null}]},
        {"name":"1","meta-type":"enum","values":["v\u0007"]}]"#;
    let mock = Mock::interactive().negotiate().expect_execute("query-qmp-schema").reply(schema).unix();
    let mut t = qmpsh().env("MANPATH", &path).arg(mock.socket()).terminal();
    t.wait(is_at_prompt);
    t.type_keys(".commands\r");
    t.wait(|screen| {
        let text = screen.text();
        text.contains("\na\\u{1b}[2Jb [x\\u{202e}=]\nstop [x\\u{202e}=]\n") && is_at_prompt(screen)
    });
    t.type_keys("\u{c}.help stop\r");
    t.wait(|screen| screen.text().contains("x\\u{202e}  optional one of v\\u{7}\n") && is_at_prompt(screen));
    t.type_keys("\u{c}.help sotp\r");
    t.wait(|screen| screen.text().contains("no help for `sotp` (did you mean stop?)") && is_at_prompt(screen));
    t.type_keys("\u{c}.help block_resize\r");
    t.wait(|screen| screen.text().contains("block_resize device=scratch size=1073741824\n(QEMU)"));
    drop(t);
    mock.finish();
    let qemu = Qemu::none().start();
    let mut t = qmpsh().env("MANPATH", "/nonexistent").arg(qemu.socket()).terminal();
    t.wait(is_at_prompt);
    t.type_keys(".help block_resize\r");
    t.wait(|screen| screen.text().contains("  size       integer\n"));
    t.wait(is_at_prompt);
}

#[test]
fn a_word_is_looked_for_in_names_and_texts() {
    let qemu = Qemu::none().start();
    let (_directory, path) = manual(&version(&qemu));
    let help = |socket: PathBuf, word: &str| qmpsh().env("MANPATH", &path).arg(socket).args([".help", word]).run();
    // The word is in the name, in any case, or in the text.
    for (word, first) in [
        ("lock_resi", "block_resize  Resize a block image while a guest is running\n"),
        ("*_RESIZE", "block_resize  Resize a block image while a guest is running\n"),
        ("e_Delet", "DEVICE_DELETED  (event)\n"),
        ("Cache-Related", "BlockdevCacheOptions  Includes cache-related options for block devices\n"),
        ("took", ".timing  Show how long each command took\n"),
    ] {
        let shown = help(qemu.socket(), word);
        assert!(shown.status(0).stdout_text().contains(first), "{word}: {}", shown.stdout_text());
    }
    // Those with the word in their name come first.
    let shown = help(qemu.socket(), "block*").status(0).stdout_text();
    let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text:?} in\n{shown}"));
    assert!(
        place("block_resize ") < place("BLOCK_IO_ERROR ") && place("BLOCK_IO_ERROR ") < place("BlockdevCacheOptions ")
    );
    // Without the manual, the names of the schema are searched; a storage daemon has fewer.
    let daemon = Qemu::storage_daemon().start();
    let shown = qmpsh().env("MANPATH", "/nonexistent").arg(daemon.socket()).args([".help", "nbd-*"]).run();
    assert!(
        shown.status(0).stdout_text().starts_with("nbd-server-add")
            || shown.stdout_text().contains("\nnbd-server-stop")
    );
    help(daemon.socket(), "query-stat").status(1).stderr_contains("no help for `query-stat`");
}

/// The messages of the manual's examples, by the name that they stand at.
fn manual_examples(page: &str) -> Vec<(String, Vec<serde_json::Value>)> {
    let plain = |line: &str| {
        let line = line.replace("\\(dq", "\"").replace("\\(aq", "'").replace("\\-", "-").replace("\\e", "\\");
        line.replace("\\fB", "").replace("\\fP", "").replace("\\&", "")
    };
    let mut found: Vec<(String, Vec<serde_json::Value>)> = Vec::new();
    let mut lines = page.lines().map(plain).peekable();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix(".SS ").and_then(|rest| rest.strip_suffix(" (Command)"));
        let name = name.or_else(|| line.strip_prefix(".B Command ")?.split(' ').next());
        found.extend(name.map(|name| (name.to_owned(), Vec::new())));
        let Some(first) = line.strip_prefix("->") else { continue };
        let mut message = first.to_owned();
        while let Some(line) = lines.next_if(|line| !line.starts_with(['.', '<']) && !line.starts_with("->")) {
            message.push_str(&line);
        }
        if let (Ok(message), Some((_, messages))) = (serde_json::from_str(&message), found.last_mut()) {
            messages.push(message);
        }
    }
    found
}

/// The message that these lines of the shell send, as the manual writes it.
fn sent(line: &str, schema: &Schema) -> Option<serde_json::Value> {
    struct Nothing;
    impl Sources for Nothing {
        fn file(&mut self, _: &str) -> std::io::Result<Vec<u8>> {
            unreachable!()
        }
        fn stdin(&mut self) -> std::io::Result<Vec<u8>> {
            unreachable!()
        }
        fn secret(&mut self, _: &str) -> std::io::Result<String> {
            unreachable!()
        }
    }
    let line = parse(line).ok()?.pop()?;
    let (statement, key) = match line.statement {
        Statement::Dot(dot) => (*dot.carried?, "exec-oob"),
        statement @ Statement::Invoke(_) => (statement, "execute"),
    };
    let Statement::Invoke(invocation) = statement else { return None };
    let types = Types { schema: Some(schema), property: None };
    let (request, _) = request(&invocation, types, &mut Nothing).ok()?;
    Some(serde_json::from_str(&request.text().replacen("execute", key, 1)).unwrap())
}

#[test]
fn every_example_of_the_manual_is_shown_as_a_line_that_sends_the_same() {
    let man = |directory: PathBuf| directory.join("man7/qemu-qmp-ref.7.gz");
    let path = std::env::var_os("PATH").unwrap();
    let beside = std::env::split_paths(&path).filter_map(|programs| Some(programs.parent()?.join("share/man")));
    let Some(file) = beside.map(man).find(|file| file.exists()) else { return };
    let mut page = String::new();
    GzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut page).unwrap();
    let qemu = Qemu::none().start();
    let reply = qemu.hold().execute(r#"{"execute":"query-qmp-schema"}"#);
    let schema = Schema::parse(reply.to_string().as_bytes()).unwrap();
    let mut messages = 0;
    let examples: Vec<_> =
        manual_examples(&page).into_iter().filter(|(name, _)| schema.command(name).is_some()).collect();
    let lines: Vec<String> = examples.iter().map(|(name, _)| format!(".help {name}")).collect();
    let shown = qmpsh()
        .env("MANPATH", file.parent().unwrap().parent().unwrap())
        .arg(qemu.socket())
        .stdin(lines.join("\n"))
        .run()
        .status(0)
        .stdout_text();
    let mut rest = &shown[..];
    for (name, mut expected) in examples {
        let begin = rest.find(&format!("{name} (command")).unwrap_or_else(|| panic!("{name} in\n{rest}"));
        let end = rest[begin..].find("\n(From ").map(|end| begin + end).unwrap();
        let (section, after) = (&rest[begin..end], &rest[end..]);
        rest = after;
        for message in &mut expected {
            let message = message.as_object_mut().unwrap();
            message.remove("id");
            if message.get("arguments").is_some_and(|arguments| *arguments == serde_json::json!({})) {
                message.remove("arguments");
            }
        }
        messages += expected.len();
        // What is shown of examples: a transaction has several lines.
        let section = section.split("\nReturns").last().unwrap();
        let mut shown: Vec<String> = Vec::new();
        for line in section.lines().map(str::trim) {
            match shown.last_mut().filter(|last| last.starts_with("transaction(") && !last.contains("\n)")) {
                Some(last) => last.extend(["\n", line]),
                None => shown.push(line.to_owned()),
            }
        }
        let sent: Vec<_> = shown.iter().filter_map(|line| sent(line, &schema)).collect();
        for message in expected {
            assert!(sent.contains(&message), "{name}: no line sends {message}\n{section}");
        }
    }
    assert!(messages > 50, "the manual has only {messages} examples");
}
