use super::*;

fn section(page: &str, name: &str, width: usize) -> Option<String> {
    Page::new(page).section(name, width, &|lines| lines)
}

fn names(page: &str) -> Vec<String> {
    Page::new(page).names().map(|(name, _)| name.to_owned()).collect()
}

fn version(page: &str) -> Option<String> {
    Page::new(page).version()
}

/// A part of QEMU 7.2's page, as it is, with some left out.
const PAGE: &str = r#".\" Man page generated from reStructuredText.
.TH "QEMU-QMP-REF" "7" "May 25, 2026" "7.2.22" "QEMU"
.SH NAME
qemu-qmp-ref \- QEMU QMP Reference Manual
.SS Contents
.INDENT 0.0
.IP \(bu 2
\fI\%block_resize (Command)\fP
.UNINDENT
.SS \fBblock_resize\fP (Command)
.sp
Resize a block image while a guest is running.
.sp
Either \fBdevice\fP or \fBnode\-name\fP must be set but not both.
.SS Arguments
.INDENT 0.0
.TP
.B \fBdevice\fP: \fBstring\fP (optional)
the name of the device to get the image resized
.TP
.B \fBsize\fP: \fBint\fP
new image size in bytes
.sp
A second paragraph.
.UNINDENT
.SS Returns
.INDENT 0.0
.IP \(bu 2
nothing on success, and some more words so that the line is longer than it may be
.IP \(bu 2
If \fBdevice\fP is not a valid block device, DeviceNotFound
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
.SS \fBNewImageMode\fP (Enum)
.sp
An enumeration that tells QEMU how to set the backing file path in
a new image file; it\(aqs
\fBnot\fP a\e b.
.SS Block device exports
.sp
Nothing of that.
"#;

#[test]
fn a_section_becomes_text() {
    let expected = "\
Resize a block image while a guest is running.

Either device or node-name must be set but not
both.

Arguments:
  device: string (optional)
      the name of the device to get the image
      resized
  size: int
      new image size in bytes

      A second paragraph.

Returns:
  - nothing on success, and some more words so
    that the line is longer than it may be
  - If device is not a valid block device,
    DeviceNotFound

Since:
  0.14

Example:
      -> { \"execute\": \"block_resize\",
           \"arguments\": { \"device\": \"scratch\", \"size\": 1073741824 } }
      <- { \"return\": {} }
";
    assert_eq!(section(PAGE, "block_resize", 48).unwrap(), expected);
    let expected =
        "An enumeration that tells QEMU how to set the backing file path in a new image\nfile; it's not a\\ b.\n";
    assert_eq!(section(PAGE, "NewImageMode", 80).unwrap(), expected);
    assert_eq!(section(PAGE, "Contents", 80), None);
    assert_eq!(section(PAGE, "block", 80), None);
    assert_eq!(section("", "x", 80), None);
}

#[test]
fn names_and_version_of_a_page_are_read() {
    assert_eq!(names(PAGE), ["block_resize", "NewImageMode"]);
    assert_eq!(version(PAGE).as_deref(), Some("7.2.22"));
    assert_eq!(version(".TH \"X\" \"7\" \"\" \"\" \"\""), None);
    assert_eq!(version(".TH X 7"), None);
}

/// As `qapi-domain` of later versions has it: the name is the tag of a paragraph.
#[test]
fn a_section_may_be_a_paragraph() {
    let page = ".SS Block devices\n.INDENT 0.0\n.TP\n.B Command block_resize (Since: 0.14)\nResize it.\n.INDENT 7.0\n.TP\n\
                .B Arguments\n.INDENT 7.0\n.IP \\(bu 2\n\\fBsize\\fP (\\fBint\\fP) \\-\\- new size\n.UNINDENT\n.UNINDENT\n\
                .UNINDENT\n.INDENT 0.0\n.TP\n.B Event STOP\nStopped.\n.UNINDENT\n";
    let text = section(page, "block_resize", 80).unwrap();
    assert_eq!(
        text,
        "Resize it.\n    Arguments\n            - size (int) -- new size\n".replace("            -", "        -")
    );
    assert_eq!(section(page, "STOP", 80).unwrap(), "Stopped.\n");
    assert_eq!(names(page), ["block_resize", "STOP"]);
}

#[test]
fn any_text_is_read_to_its_end() {
    let lines = [
        ".SS x (Command)",
        ".TP",
        ".TP",
        ".IP",
        ".IP \"1.\" 99",
        ".INDENT",
        ".INDENT nan",
        ".INDENT -7",
        ".UNINDENT",
        ".UNINDENT",
        ".nf",
        ".fi",
        "\\",
        "\\f",
        "\\f(",
        "\\(",
        "\\(z",
        ".",
        "..",
        "'",
        ".B",
        "é\\(bué",
        "",
    ];
    for at in 0..lines.len() {
        for step in 1..lines.len() {
            let page: Vec<_> = (0..lines.len()).map(|n| lines[(at + n * step) % lines.len()]).collect();
            let page = format!(".SS y (Event)\n{}", page.join("\n"));
            assert!(section(&page, "y", 1).is_some());
        }
    }
}

#[test]
fn the_described_arguments_are_read() {
    let check = |page: &str, name: &str, expected: Option<&[&str]>| {
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(Page::new(page).arguments(name), expected, "{name}");
    };
    check(PAGE, "block_resize", Some(&["device", "size"]));
    check(PAGE, "NewImageMode", Some(&[]));
    check(PAGE, "other", None);
    let of_types = r".SS \fBadd\fP (Command)
.SS Arguments
.INDENT 0.0
.TP
.B \fBid\fP: \fBstring\fP
one of
.INDENT 7.0
.IP \(bu 2
\fBno\fP: \fBargument\fP
.UNINDENT
.TP
.B The members of \fBOptions\fP
.UNINDENT
.SS Example
.B \fBno\fP: \fBargument\fP
.SS \fBOptions\fP (Object)
.SS Members
.INDENT 0.0
.TP
.B \fBnode\-name\fP: \fBstring\fP (optional)
text
.TP
.B The members of \fBOther\fP when \fBdriver\fP is \fB\(dqx\(dq\fP
.UNINDENT
.SS \fBloop\fP (Object)
.SS Members
.INDENT 0.0
.TP
.B The members of \fBloop\fP
.UNINDENT
";
    check(of_types, "add", Some(&["id", "node-name"]));
    check(of_types, "loop", None);
    // As later versions have it.
    let lists = r".TP
.B Command add (Since: 2.9)
Text.
.INDENT 7.0
.TP
.B Arguments
.INDENT 7.0
.IP \(bu 2
\fBid\fP (\fBstring\fP, \fIoptional\fP) \-\- text (default: none)
\fBid\fP is text (too).
\fBNote\fP: and this.
.IP \(bu 2
The members of \fBOptions\fP\&.
.UNINDENT
.TP
.B Errors
.INDENT 7.0
.IP \(bu 2
\fBno\fP (argument)
.UNINDENT
.UNINDENT
.INDENT 0.0
.TP
.B Object Options
.INDENT 7.0
.TP
.B Members
.INDENT 7.0
.IP \(bu 2
\fBdriver\fP (\fBDriver\fP) \-\- text
.IP \(bu 2
When \fBdriver\fP is \fBx\fP: The members of \fBOther\fP\&.
.UNINDENT
.UNINDENT
";
    check(lists, "add", Some(&["id", "driver"]));
}

/// A part of QEMU 11.1's page, as it is after the newlines that it lacks, with some left out.
const LATER: &str = r#".TH "QEMU-QMP-REF" "7" "" "11.1.0" "QEMU"
.INDENT 0.0
.TP
.B Command add (Since: 2.9)
Creates a
new one. It is
.sp
ready.
.INDENT 7.0
.TP
.B Arguments
.INDENT 7.0
.IP \(bu 2
\fBid\fP (\fBstring\fP, \fIoptional\fP) \-\- its name:
.INDENT 2.0
.IP \(bu 2
short
.UNINDENT
.IP \(bu 2
\fBlist\fP (\fB[\fP\fBItem\fP\fB]\fP) \-\- all of them
.IP \(bu 2
The members of \fBOptions\fP\&.
.UNINDENT
.TP
.B Return
\fBItem\fP \-\- the first
.TP
.B Errors
.INDENT 7.0
.IP \(bu 2
If it is there
.UNINDENT

.UNINDENT
.sp
A note.
.INDENT 7.0
.INDENT 3.5
.IP "Example: Two"
.INDENT 0.0
.INDENT 3.5
.sp
.EX
\-> { \(dqexecute\(dq: \(dqadd\(dq }
.EE
.UNINDENT
.UNINDENT
.UNINDENT
.UNINDENT
.UNINDENT
.sp
Text of another part.
.INDENT 0.0
.TP
.B Object Item
.INDENT 7.0
.TP
.B Members
.INDENT 7.0
.IP \(bu 2
\fBkey\fP (\fBint\fP) \-\- a number
.UNINDENT
.UNINDENT
.UNINDENT
.INDENT 0.0
.TP
.B Object Options
.INDENT 7.0
.TP
.B Members
.INDENT 7.0
.IP \(bu 2
\fBdriver\fP (\fBDriver\fP) \-\- which one
.IP \(bu 2
When \fBdriver\fP is \fBqcow2\fP: The members of \fBFile\fP\&.
.UNINDENT
.UNINDENT
.UNINDENT
.INDENT 0.0
.TP
.B Object File
.INDENT 7.0
.TP
.B Members
.INDENT 7.0
.IP \(bu 2
\fBname\fP (\fBstring\fP) \-\- of the file
.UNINDENT
.UNINDENT
.UNINDENT
"#;

#[test]
fn a_section_is_split_into_its_parts() {
    let found = Page::new(PAGE).described("block_resize", 48, &|_| vec!["resized".into()]).unwrap();
    assert_eq!(
        found.introduction,
        "Resize a block image while a guest is running.\n\nEither device or node-name must be set but not\nboth.\n"
    );
    assert_eq!(found.argument_texts.get(None, "size"), Some("new image size in bytes\n\nA second paragraph."));
    assert!(
        found.result.starts_with("- nothing on success") && found.result.ends_with(", DeviceNotFound"),
        "{found:?}"
    );
    assert_eq!(found.parts, [("Example".to_owned(), "resized".to_owned())]);
    assert_eq!(found.since.as_deref(), Some("0.14"));

    let page = Page::new(LATER);
    let found = page.described("add", 80, &|_| vec!["add".into()]).unwrap();
    assert_eq!(found.introduction, "Creates a new one. It is\n\nready.\n");
    let texts: Vec<_> = ["id", "list", "list.0.key", "driver", "name"]
        .map(|path| found.argument_texts.get(Some(("driver", "raw, qcow2")), path).unwrap_or_default())
        .into();
    assert_eq!(texts, ["its name:\n  - short", "all of them", "a number", "which one", "of the file"]);
    assert_eq!(found.argument_texts.get(None, "name"), None);
    assert_eq!((&*found.result, found.result_texts.get(None, "key")), ("the first", Some("a number")));
    let parts: Vec<_> = found.parts.iter().map(|(heading, text)| (&**heading, &**text)).collect();
    assert_eq!(parts, [("Errors", "- If it is there"), ("", "A note."), ("Example: Two", "add")]);
    assert_eq!(found.since.as_deref(), Some("2.9"));
    assert_eq!(page.first_sentence("add").as_deref(), Some("Creates a new one"));
    assert_eq!(page.first_sentence("Item"), None);
}
