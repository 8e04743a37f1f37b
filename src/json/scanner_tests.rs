use proptest::prelude::*;

use super::super::samples::value;
use super::*;

const NO_LIMIT: usize = usize::MAX;

/// All documents of `input`, fed in chunks of `size` bytes, and the error that ended it.
fn scan(input: &[u8], size: usize, limit: usize) -> (Vec<Document>, Option<ScanError>) {
    let mut cuts = Vec::new();
    cuts.resize(input.len() / size.max(1), size);
    scan_cut(input, &cuts, limit)
}

fn scan_cut(input: &[u8], cuts: &[usize], limit: usize) -> (Vec<Document>, Option<ScanError>) {
    let mut scanner = Scanner::new(limit);
    let mut buf = BytesMut::new();
    let mut documents = Vec::new();
    let mut rest = input;
    let mut cuts = cuts.iter();
    loop {
        let (chunk, after) = rest.split_at(cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len())));
        rest = after;
        buf.extend_from_slice(chunk);
        let eof = rest.is_empty();
        loop {
            match scanner.next(&mut buf, eof) {
                Ok(Some(document)) => documents.push(document),
                Ok(None) => break,
                Err(error) => return (documents, Some(error)),
            }
        }
        if eof {
            assert!(buf.is_empty());
            return (documents, None);
        }
    }
}

fn texts(documents: &[Document]) -> Vec<String> {
    documents.iter().map(|document| String::from_utf8_lossy(document.bytes()).into_owned()).collect()
}

#[test]
fn documents_are_found_however_they_are_cut() {
    let check = |input: &[u8], expected: &[&str]| {
        for size in [1, 2, 3, 7, 63, 64, 65, 1000] {
            let (documents, error) = scan(input, size, NO_LIMIT);
            assert_eq!(error, None);
            assert_eq!(texts(&documents), expected, "in chunks of {size}");
        }
    };
    check(b"", &[]);
    check(b" \r\n\t\xff\xff", &[]);
    check(b"{}", &["{}"]);
    check(b"{}{}\xff{ }\r\n{\n}", &["{}", "{}", "{ }", "{\n}"]);
    check(b"{\"return\": {}}\r\n{\"return\": []}\n", &["{\"return\": {}}", "{\"return\": []}"]);
    check(b"{\r\n    \"return\": {\r\n    }\r\n}\r\n", &["{\r\n    \"return\": {\r\n    }\r\n}"]);
    check(
        br#"{"a}":"{\"}\\"}{"b":["]}",{"\\":"\\\\\"}"}]}"#,
        &[r#"{"a}":"{\"}\\"}"#, r#"{"b":["]}",{"\\":"\\\\\"}"}]}"#],
    );
    check(b"{\"a\":\"\xff\xfe\",\"b\":[\"\xff\"]}\xff", &["{\"a\":\"\u{fffd}\u{fffd}\",\"b\":[\"\u{fffd}\"]}"]);
    check(br#"{"return": inf, "id": 1}"#, &[r#"{"return": inf, "id": 1}"#]);
    check(b"{\"a\":\"line\nbreak\",\"b\":[\"line\nbreak\"]}", &["{\"a\":\"line\nbreak\",\"b\":[\"line\nbreak\"]}"]);
}

#[test]
fn what_is_no_message_is_an_error() {
    let check = |input: &[u8], expected: &str| {
        for size in [1, 3, 1000] {
            let (_, error) = scan(input, size, 1000);
            let error = error.unwrap().to_string();
            // What can be shown depends on how much had come.
            let (begin, _) = error.split_once('`').unwrap();
            assert_eq!(begin, expected.split_once('`').unwrap().0, "{input:?}");
            if size == 1000 {
                assert_eq!(error, expected);
            }
        }
    };
    check(b"HTTP/1.1 400\r\n", "received data is not a JSON object: `HTTP/1.1 400\\r\\n`");
    check(b"{}\xff[]", "received data is not a JSON object: `[]`");
    check(b"\xff\xfb\x01", "received data is not a JSON object: `\\xfb\\u{1}`");
    check(b"{\"a\":[}", "malformed message: `]` expected at byte 6, near `{\"a\":[}`");
    check(b"{\"a\":{]", "malformed message: `}` expected at byte 6, near `{\"a\":{]`");
    check(b"{]", "malformed message: a quoted name expected at byte 1, near `{]`");
    check(b"{'a':1}", "malformed message: a quoted name expected at byte 1, near `{'a':1}`");
    check(b"{\"a\" 1}", "malformed message: a colon expected at byte 5, near `{\"a\" 1}`");
    check(b"{\"a\":,", "malformed message: a value expected at byte 5, near `{\"a\":,`");
    check(b"{\"a\":}", "malformed message: a value expected at byte 5, near `{\"a\":}`");
    check(b"{\"a\":1 2}", "malformed message: a comma or `}` expected at byte 7, near `{\"a\":1 2}`");
    check(b"{\"a\":1]", "malformed message: a comma or `}` expected at byte 6, near `{\"a\":1]`");
    check(b"{\"a\":1,}", "malformed message: a quoted name expected at byte 7, near `{\"a\":1,}`");
    check(b"{,", "malformed message: a quoted name expected at byte 1, near `{,`");
    check(b"{\"a\":\"}", "the stream ended inside a message, after 7 bytes of it: `{\"a\":\"}`");
    check(b"{} {\"a\":[1,\"\\\"", "the stream ended inside a message, after 11 bytes of it: `{\"a\":[1,\"\\\"`");
    check(b"{", "the stream ended inside a message, after 1 bytes of it: `{`");
}

#[test]
fn an_error_stays() {
    let mut scanner = Scanner::new(NO_LIMIT);
    let mut buf = BytesMut::from(&b"{}{]"[..]);
    assert!(scanner.next(&mut buf, false).unwrap().is_some());
    let error = scanner.next(&mut buf, false).unwrap_err();
    buf.extend_from_slice(b"\n{}");
    assert_eq!(scanner.next(&mut buf, false).unwrap_err(), error);
    assert!(matches!(&error, ScanError::Malformed { seen, .. } if seen == b"{]"), "{error:?}");
}

#[test]
fn the_limit_is_exact() {
    let messages: [&[u8]; 4] = [b"{\"a\":\"12345678\"}", b"{\"a\":[[1,2,3,4]]}", b"{\"a\":  12345678 }", b"{}"];
    for message in messages {
        for size in [1, 5, 1000] {
            // Separators do not count, nor what follows.
            let stream = [b" \xff\n", message, b"\n{}"].concat();
            assert_eq!(scan(&stream, size, message.len()).1, None);
            let (documents, error) = scan(&stream, size, message.len() - 1);
            assert_eq!(documents, []);
            assert!(matches!(error, Some(ScanError::TooLong { limit, .. }) if limit == message.len() - 1));
        }
    }
}

#[test]
fn too_long_is_known_before_the_end_comes() {
    let mut scanner = Scanner::new(8);
    let mut buf = BytesMut::from(&b"{\"a\":\"1"[..]);
    assert_eq!(scanner.next(&mut buf, false), Ok(None));
    buf.extend_from_slice(b"2");
    assert!(matches!(scanner.next(&mut buf, false), Err(ScanError::TooLong { limit: 8, .. })));
}

#[test]
fn any_depth_is_scanned() {
    for depth in [1_000, 200_000, 1_000_000] {
        let input = [b"{\"return\":", &*b"[".repeat(depth), &*b"]".repeat(depth), b",\"id\":7}"].concat();
        let (documents, error) = scan(&input, 65_536, NO_LIMIT);
        assert_eq!(error, None);
        assert_eq!(documents[0].get("return").map(<[u8]>::len), Some(2 * depth));
        assert_eq!(documents[0].get("id"), Some(&b"7"[..]));

        let open = [b"{\"return\":", &*b"{\"a\":".repeat(depth), b"]"].concat();
        assert!(matches!(scan(&open, 65_536, NO_LIMIT).1, Some(ScanError::Malformed { .. })));
    }
}

#[test]
fn a_million_members_are_refused() {
    let input = [b"{\"a\":1", &*b",\"a\":1".repeat(1_000_000), b"}"].concat();
    assert!(matches!(scan(&input, 65_536, NO_LIMIT).1, Some(ScanError::TooManyMembers { limit: MAX_MEMBERS, .. })));
    let input = [b"{\"a\":1", &*b",\"a\":1".repeat(MAX_MEMBERS - 1), b"}"].concat();
    assert_eq!(scan(&input, 65_536, NO_LIMIT).1, None);
}

#[test]
fn documents_are_not_copied() {
    let mut buf = BytesMut::from(&b"{\"return\": \"abc\"}\n{}"[..]);
    let start = buf.as_ptr();
    let document = Scanner::new(NO_LIMIT).next(&mut buf, false).unwrap().unwrap();
    assert_eq!(document.bytes().as_ptr(), start);
    assert_eq!(document.slice("return").unwrap().as_ptr(), start.wrapping_add(11));
}

fn object() -> impl Strategy<Value = (serde_json::Map<String, serde_json::Value>, bool)> {
    (prop::collection::hash_map(any::<String>(), value(), 0..9), any::<bool>())
        .prop_map(|(map, pretty)| (map.into_iter().collect(), pretty))
}

proptest! {
    #[test]
    fn ranges_are_what_serde_finds(
        objects in prop::collection::vec(object(), 1..4),
        cuts in prop::collection::vec(0_usize..90, 0..40),
    ) {
        let texts: Vec<String> = objects.iter().map(|(object, pretty)| {
            if *pretty { serde_json::to_string_pretty(object).unwrap() } else { serde_json::to_string(object).unwrap() }
        }).collect();
        let (documents, error) = scan_cut(texts.join("\r\n").as_bytes(), &cuts, NO_LIMIT);
        prop_assert_eq!(error, None);
        prop_assert_eq!(documents.len(), objects.len());
        for ((document, (object, _)), text) in documents.iter().zip(&objects).zip(&texts) {
            prop_assert_eq!(document.bytes(), text.as_bytes());
            prop_assert_eq!(document.members().count(), object.len());
            for (key, value) in object {
                let found: serde_json::Value = serde_json::from_slice(document.get(key).unwrap()).unwrap();
                prop_assert_eq!(&found, value);
            }
        }
    }

    #[test]
    fn any_bytes_give_the_same_in_any_chunks(
        noise in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(b"{}[]\"\\:, a1\n".to_vec()), 1 => any::<u8>()], 0..200),
        object in any::<bool>(),
        cuts in prop::collection::vec(0_usize..90, 0..60),
        limit in prop_oneof![Just(NO_LIMIT), 2_usize..100],
    ) {
        let input = if object { [b"{\"a\":[", &*noise].concat() } else { noise };
        let (whole, whole_error) = scan(&input, input.len(), limit);
        let (cut, cut_error) = scan_cut(&input, &cuts, limit);
        prop_assert_eq!(texts(&whole), texts(&cut));
        let kind = |error: Option<ScanError>| error.map(|error| match error {
            // What is kept of the bytes depends on how many had come.
            ScanError::Malformed { at, expected, .. } => format!("{at} {expected}"),
            error => format!("{:?}", std::mem::discriminant(&error)),
        });
        prop_assert_eq!(kind(whole_error), kind(cut_error));
    }
}
