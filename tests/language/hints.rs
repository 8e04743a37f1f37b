//! Hints that the shell adds to refusals of a real QEMU.

use crate::support::{Qemu, qmpsh};

#[test]
fn a_refusal_has_a_hint_from_the_schema() {
    let qemu = Qemu::none().start();
    let rows = [
        ("query-staus", "CommandNotFound: The command query-staus has not been found", "did you mean `query-status`?"),
        (
            "block_resize node-name=n siez=5",
            "GenericError: Parameter 'size' is missing",
            "missing: `size` (integer)\n  hint: block_resize has no argument `siez`; did you mean `size`?",
        ),
        (
            "block_resize node-name=n size=10G foo=5",
            "GenericError: Parameter 'foo' is unexpected",
            "block_resize has no argument `foo`; it has device, node-name, size",
        ),
        (
            "block_resize node-name=n size=010",
            "GenericError: Invalid parameter type for 'size', expected: integer",
            "`size` takes an integer without zeros in front (such as 42, 0x2a or 10G)",
        ),
        (
            "set_link name=n up=\"on\"",
            "GenericError: Invalid parameter type for 'up', expected: boolean",
            "`up` takes true or false (also on or off, without quotes)",
        ),
        (
            "blockdev-add driver=qcow2 node-name=n",
            "GenericError: Parameter 'file' is missing",
            "missing: `file` (string or object)",
        ),
        (
            "blockdev-add driver=qcow2 node-name=n file.driver=file file.filename=x file.lokcing=on",
            "GenericError: Parameter 'file.lokcing' is unexpected",
            "`file` has no argument `lokcing`; did you mean `file.locking`?",
        ),
        (
            "blockdev-add driver=file filename=x node-name=n detect-zeroes=onn",
            "GenericError: Parameter 'detect-zeroes' does not accept value 'onn'",
            "`detect-zeroes`: did you mean `on`? It is one of off, on, unmap",
        ),
        (
            "blockdev-add driver=file filename=x node-name=n cache=on",
            "GenericError: Invalid parameter type for 'cache', expected: object",
            "`cache` takes an object: cache.direct=…",
        ),
        (
            "blockdev-add driver=quorum node-name=n vote-threshold=1 children=x",
            "GenericError: Invalid parameter type for 'children', expected: array",
            "`children` takes a list of (string or object): children.0=x, or children.0.driver=…",
        ),
        (
            "transaction( block-dirty-bitmap-add node=n )",
            "GenericError: Parameter 'actions[0].data.name' is missing",
            "missing: `actions.0.data.name` (string)",
        ),
        (
            r#"{"execute":"chardev-add","arguments":{"id":5,"backend":{"type":"null","data":{}}}}"#,
            "GenericError: Invalid parameter type for 'id', expected: string",
            "`id` takes a string (in quotes, or id==TEXT)",
        ),
    ];
    for (line, refusal, hint) in rows {
        let output = qmpsh().arg(qemu.socket()).args(["-c", line]).run();
        output.stdout("").stderr_contains(refusal).stderr_contains(&format!("\n  hint: {hint}\n")).status(1);
    }
}

#[test]
fn a_refusal_without_a_schema_entry_has_no_hint() {
    let qemu = Qemu::none().start();
    let lines = ["system_wakeup", "qom-get path=/none property=x"];
    for line in lines {
        let output = qmpsh().arg(qemu.socket()).args(["-c", line]).run();
        output.stdout("").status(1);
        assert!(!output.stderr_text().contains("hint"), "{output}");
    }
}

/// Each failed command of a batch has its own.
#[test]
fn hints_are_printed_in_batches() {
    let qemu = Qemu::none().start();
    let output = qmpsh().arg(qemu.socket()).arg("-k").stdin("query-staus\nquery-nam\nquery-name\n").run();
    output.stdout("{}\n").stderr_contains("did you mean `query-status`?").stderr_contains("did you mean `query-name`?");
    output.status(1);
}
