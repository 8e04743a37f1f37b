//! Which keys type a character on a keyboard layout.

/// A keyboard layout, with the name that XKB gives it.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    /// The characters of [`KEYS`]: alone, with Shift, with `AltGr`, with both. A blank is no character, a combining character a dead
    /// key.
    levels: [&'static str; 4],
}

/// The keys of a PC keyboard with 105 keys that type characters, row by row, as QEMU names them.
const KEYS: [&str; 48] = [
    "grave_accent",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "0",
    "minus",
    "equal",
    "q",
    "w",
    "e",
    "r",
    "t",
    "y",
    "u",
    "i",
    "o",
    "p",
    "bracket_left",
    "bracket_right",
    "a",
    "s",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "semicolon",
    "apostrophe",
    "backslash",
    "less",
    "z",
    "x",
    "c",
    "v",
    "b",
    "n",
    "m",
    "comma",
    "dot",
    "slash",
];

/// The keys that are held for each level.
const HELD: [&[&str]; 4] = [&[], &["shift"], &["alt_r"], &["shift", "alt_r"]];

/// Characters that a dead key and the space bar type.
const DEAD: [(char, char); 5] =
    [('`', '\u{300}'), ('\u{b4}', '\u{301}'), ('^', '\u{302}'), ('~', '\u{303}'), ('\u{a8}', '\u{308}')];

/// The layouts. Source: `symbols` of XKB's data; a dead key has the combining character of its accent.
#[rustfmt::skip]
pub(crate) const LAYOUTS: [Layout; 5] = [
    Layout {
        name: "us",
        levels: [
            "`1234567890-=qwertyuiop[]asdfghjkl;'\\ zxcvbnm,./",
            "~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"| ZXCVBNM<>?",
            "",
            "",
        ],
    },
    Layout {
        name: "gb",
        levels: [
            "`1234567890-=qwertyuiop[]asdfghjkl;'#\\zxcvbnm,./",
            "¬!\"£$%^&*()_+QWERTYUIOP{}ASDFGHJKL:@~|ZXCVBNM<>?",
            "|¹²³€½¾{[]}\\ @ e     øþ\u{308}\u{303}æßð      \u{301}\u{302}\u{300}|«»¢   µ ·",
            "|¡ £¼    ±°¿  §E® ¥   Þ  Æ Ðª   &    ¦<>©   º×÷",
        ],
    },
    Layout {
        name: "de",
        levels: [
            "\u{302}1234567890ß\u{301}qwertzuiopü+asdfghjklöä#<yxcvbnm,.-",
            "°!\"§$%&/()=?\u{300}QWERTZUIOPÜ*ASDFGHJKLÖÄ'>YXCVBNM;:_",
            " ¹²³¼½¬{[]}\\ @ €     øþ\u{308}~æ ð       \u{302} |»«¢   µ·",
            " ¡ £¤    ±°¿  §€® ¥   Þ  Æ Ðª   &       ©   º×÷",
        ],
    },
    Layout {
        name: "fr",
        levels: [
            "²&é\"'(-è_çà)=azertyuiop\u{302}$qsdfghjklmù* wxcvbn,;:!",
            "~1234567890°+AZERTYUIOP\u{308}£QSDFGHJKLM%µ WXCVBN?./§",
            "¬¹~#{[|`\\^@]}æ«€     øþ\u{308}¤@ßð      µ\u{302}\u{300}  »¢   \u{301} ·",
            "¬¡ £$    ±°¿ Æ<¢® ¥   Þ    Ðª   & º    >©    ×÷",
        ],
    },
    Layout {
        name: "es",
        levels: [
            "º1234567890'¡qwertyuiop\u{300}+asdfghjklñ\u{301}ç zxcvbnm,.-",
            "ª!\"·$%&/()=?¿QWERTYUIOP\u{302}*ASDFGHJKLÑ\u{308}Ç ZXCVBNM;:_",
            "\\|@#~½¬{[]}\\ @ €     øþ[]æßð      \u{303}{} «»¢   µ ·",
            "\\¡ £$    ±°¿  §¢® ¥   Þ  Æ Ðª   &     <>©   º×÷",
        ],
    },
];

/// Finds a layout by its name.
pub(crate) fn find(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.name == name)
}

/// Keys that are pressed together, in this order.
pub(crate) type Chord = Vec<String>;

impl Layout {
    /// Returns the key presses that type a character; `None` if the layout does not have it.
    pub(crate) fn chords(&self, c: char) -> Option<Vec<Chord>> {
        let key = |name: &str| Some(vec![vec![name.to_owned()]]);
        match c {
            ' ' => return key("spc"),
            '\n' => return key("ret"),
            '\t' => return key("tab"),
            '\u{8}' => return key("backspace"),
            '\u{1b}' => return key("esc"),
            _ => {}
        }
        self.chord(c).map(|chord| vec![chord]).or_else(|| {
            let (_, dead) = DEAD.iter().find(|(accent, _)| *accent == c)?;
            Some(vec![self.chord(*dead)?, vec!["spc".to_owned()]])
        })
    }

    fn chord(&self, c: char) -> Option<Chord> {
        self.levels.iter().zip(HELD).find_map(|(level, held)| {
            let at = level.chars().position(|on| on == c)?;
            Some(held.iter().copied().chain([KEYS[at]]).map(str::to_owned).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_types_printable_ascii() {
        for layout in &LAYOUTS {
            for c in (' '..='~').chain(['\n', '\t']) {
                assert!(layout.chords(c).is_some(), "{}: {c}", layout.name);
            }
            assert_eq!(layout.chords('\u{4e2d}'), None);
        }
    }

    #[test]
    fn a_character_has_the_keys_of_its_layout() {
        let check = |layout: &str, c: char, expected: &[&str]| {
            let chords = find(layout).unwrap().chords(c).unwrap();
            let shown: Vec<_> = chords.iter().map(|chord| chord.join("-")).collect();
            assert_eq!(shown, expected, "{layout}: {c}");
        };
        check("us", 'a', &["a"]);
        check("us", 'A', &["shift-a"]);
        check("us", '|', &["shift-backslash"]);
        check("gb", '"', &["shift-2"]);
        check("gb", '\\', &["less"]);
        check("gb", '~', &["shift-backslash"]);
        check("de", 'z', &["y"]);
        check("de", '@', &["alt_r-q"]);
        check("de", '^', &["grave_accent", "spc"]);
        check("de", '`', &["shift-equal", "spc"]);
        check("de", '\u{e4}', &["apostrophe"]);
        check("fr", 'a', &["q"]);
        check("fr", '1', &["shift-1"]);
        check("es", '\u{f1}', &["semicolon"]);
        check("us", '\n', &["ret"]);
    }
}
