"""Names and words of the generated English corpus, split so that the names of test are new.

First names and surnames are read from the installed package `names` 0.3.0 (census data); the rest is listed
or composed here. Every list is cut into a train, a validation and a test part by `partition`. The names in
`AMBIGUOUS` are in none of those parts: they belong to every split, since only their context, never the
name, tells their type.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PERSON_OR_PLACE = tuple(
    "Jordan Chad Georgia Paris Sydney Austin Charlotte Israel Kenya Virginia Carolina Florence "
    "Savannah Dakota Brooklyn Chelsea Madison Lincoln Houston Orlando Troy Dallas India Victoria "
    "Lourdes Milan".split()
)
# Which of the first names above and below are men's.
MALE = frozenset(
    "Jordan Chad Austin Israel Lincoln Houston Orlando Troy Dallas Milan Will Mark Bill Hunter "
    "August Jack Drew Frank Grant Art Ray".split()
)
PERSON_OR_COMPANY = tuple(
    "Ford Chanel Disney Boeing Morgan Dyson Ferrari Porsche Honda Kellogg Dell Hilton Cartier "
    "Siemens Mercedes Barclay Armani Versace Heinz Cadbury Bentley Lloyd Bosch Suzuki Maserati "
    "Guinness".split()
)
COMPANY_OR_PLACE = tuple("Amazon Patagonia Nokia Santander Corning Hershey Cisco Evian Buxton Kohler".split())
ANY_TYPE = ("Washington",)
FIRST_OR_WORD = tuple(
    "Will Mark Bill Rose Hope Grace Hunter May April June August Faith Joy Jack Drew Dawn Frank Grant Art Ray".split()
)
SURNAME_OR_WORD = tuple(
    "Baker Hunter Cook Young Bush Rice Stone Wood Field Park Waters Price Long Black White Green Brown March".split()
)
COMPANY_OR_WORD = tuple("Apple Shell Target Orange Visa Oracle Sprint Caterpillar Staples Puma Jaguar".split())
PLACE_OR_WORD = tuple("Turkey China Reading Nice Bath Cork Deal Mobile Split Buffalo".split())

AMBIGUOUS = frozenset(
    PERSON_OR_PLACE
    + PERSON_OR_COMPANY
    + COMPANY_OR_PLACE
    + ANY_TYPE
    + FIRST_OR_WORD
    + SURNAME_OR_WORD
    + COMPANY_OR_WORD
    + PLACE_OR_WORD
)

MONTHS = tuple("January February March April May June July August September October November December".split())
WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())

TITLES = tuple("Dr. Professor President Senator Judge Captain".split())
TITLES_BY_SEX = {"male": ("Mr.", "Sir"), "female": ("Mrs.", "Ms.", "Lady")}
NATIONS = tuple(
    "German French Italian Spanish Greek Dutch Swedish Polish Turkish Russian Chinese Japanese Korean "
    "Indian Kenyan Brazilian Mexican Canadian Egyptian Israeli".split()
)
LANGUAGES = tuple(
    "German French Italian Spanish Greek Dutch Swedish Polish Turkish Russian Mandarin Korean Hindi Swahili".split()
)
PRODUCTS = (("Zephyr", "9"), ("Comet", "X"), ("Falcon", "2"), ("Delta", "Pro"), ("Orbit", "400"))
TITLE_ADJECTIVES = tuple("Silent Golden Last White Broken Hidden Long Young Green".split())
TITLE_NOUNS = tuple("Garden River Hunter Rose Shell Price Winter Stone Apple Road March Baker".split())
COMPANY_ENDINGS = tuple(
    "Industries Group Holdings Motors Airlines Bank Pharmaceuticals Systems Steel Foods Partners Inc Ltd".split()
)
CLUB_ENDINGS = tuple("United City Rovers Wanderers Athletic".split())
PLACE_STARTS = tuple("New Upper Lower North South Port Lake Mount".split())
COMPANY_HEADS = tuple("University Bank Port Museum".split())
COLLEGE_KINDS = tuple("Technical State Medical".split())
COLLEGES = tuple("College Institute".split())
# Words that tell the type of the name beside them, or that have a capital and are no name: never a name here.
_RESERVED = frozenset(
    (*MONTHS, *WEEKDAYS, *TITLES, *TITLES_BY_SEX["male"], *TITLES_BY_SEX["female"], *NATIONS, *LANGUAGES)
    + (*TITLE_ADJECTIVES, *TITLE_NOUNS, *COMPANY_ENDINGS, *COMPANY_HEADS, *COLLEGE_KINDS, *COLLEGES)
    + (*CLUB_ENDINGS, *PLACE_STARTS, "River", "Island", *(name for name, _ in PRODUCTS))
)

_WORDS_BY_TAG = {
    "PUNCT": '" , - . : ?',
    "DET": "a an each every the",
    "PRON": "everybody he i its nobody she their they this what which who whose you",
    "ADP": "at between by despite for from in north of over with",
    "AUX": "had was",
    "CCONJ": "and but",
    "SCONJ": "although because",
    "NUM": "billion million",
    "ADV": "again aloud far how now sharply soon together twice unusually when where why",
    "ADJ": (
        "annual chief common famous few first fresh heavy independent last mild most national new "
        "old poor proud quiet rare rich short small sweet true wettest whole"
    ),
    "NOUN": (
        "accountant aunt autumn bank banker bankruptcy boat border box boxes brewer bridge brother buyers "
        "capital carrier cars chairman charity chemist children colleague company copper cousin crops date "
        "daughter deficit delegates dinner director dividend doctor earthquake edition editor elections "
        "employer engineer engineers euros evening executive factory fairs farm farmers fire fishermen "
        "food founder games garden hall hands house houses inhabitants insurer jobs joke judge judges lake "
        "lawyer letter loan loss maker mayor merger minister money month months morning mother museum "
        "neighbour news noon nurse office offices painter parents parliament passport patent peace people "
        "percent petition petrol phones physics pilot poet police population prices prize profit protests "
        "publisher reporters requests retailer road sellers shop shops singer sister song spokesman "
        "start-up statement station storm street studio summer surplus teacher temperatures thieves town "
        "trade trail treasurer umbrella warning weather week winter winters yesterday"
    ),
    "VERB": (
        "according agreed announced answer answered apologised appointed asked banned based beat became "
        "begin borders born bought broke brought build buy buys called came cancelled changed checked "
        "collapsed criticised decided delayed dismissed divorced dreamed drove elected employed employs "
        "ended expected exports fell filed filled flew flooded forgot formed founded gained gave grew held "
        "hire hired hit hosted improved inherited invited issued joined know laughed launched left lies "
        "lived lives lost makes married marries marry matters meet merged met missed move moved named owns "
        "paid quarrelled raised recalled refused remained remembered repaired replied reported resign "
        "resigned resigns said saw scored seen sent shaken shook signed smelled smiled speaks start stood "
        "stops studied sued talked teaches tested thanked told waited wanted went won worked wrote"
    ),
}
# The only tag, in the grammar, of a word that its templates leave untagged.
LEXICON = {word: tag for tag, words in _WORDS_BY_TAG.items() for word in words.split()}

_REAL_PLACES = (
    "Afghanistan Albania Algeria Angola Argentina Armenia Australia Austria Azerbaijan Bangladesh Belarus "
    "Belgium Benin Bhutan Bolivia Botswana Brazil Bulgaria Burundi Cambodia Cameroon Canada Chile Colombia "
    "Croatia Cyprus Denmark Ecuador Egypt Eritrea Estonia Ethiopia Fiji Finland France Gabon Gambia Germany "
    "Ghana Greece Guatemala Guinea Guyana Haiti Honduras Hungary Iceland Indonesia Iran Iraq Ireland Italy "
    "Jamaica Japan Kazakhstan Kuwait Laos Latvia Lebanon Lesotho Liberia Libya Lithuania Luxembourg "
    "Madagascar Malawi Malaysia Mali Malta Mauritania Mexico Moldova Mongolia Morocco Mozambique Namibia "
    "Nepal Nicaragua Nigeria Norway Oman Pakistan Panama Paraguay Peru Poland Portugal Qatar Romania Russia "
    "Rwanda Senegal Serbia Singapore Slovakia Slovenia Somalia Spain Sudan Sweden Switzerland Syria Taiwan "
    "Tajikistan Tanzania Thailand Togo Tunisia Uganda Ukraine Uruguay Uzbekistan Venezuela Vietnam Yemen "
    "Zambia Zimbabwe Amsterdam Ankara Athens Baghdad Baku Bangkok Barcelona Beijing Beirut Belgrade Berlin "
    "Bogota Bratislava Brussels Bucharest Budapest Cairo Caracas Casablanca Chicago Copenhagen Dakar "
    "Damascus Delhi Detroit Dhaka Dublin Edinburgh Frankfurt Geneva Glasgow Hamburg Hanoi Havana Helsinki "
    "Istanbul Jakarta Johannesburg Kabul Karachi Kiev Kyoto Lagos Leipzig Lima Lisbon Liverpool Ljubljana "
    "London Lyon Madrid Manchester Manila Marseille Melbourne Minsk Montreal Moscow Mumbai Munich Nairobi "
    "Naples Odessa Osaka Oslo Ottawa Porto Prague Quito Rabat Reykjavik Riga Rome Rotterdam Santiago "
    "Sarajevo Seattle Seoul Seville Shanghai Sofia Stockholm Tallinn Tehran Tokyo Toronto Tripoli Turin "
    "Valencia Vancouver Vienna Vilnius Warsaw Yerevan Zagreb Zurich Siberia Sicily Tuscany Bavaria Normandy "
    "Catalonia Provence Andalusia Crete Corsica Tasmania Alaska Texas California Quebec"
).split()
_TOWN_STEMS = (
    "Ald Ames Arden Ash Bex Birch Black Brack Brid Bram Cald Carl Chal Clay Cold Crom Dar Dun East Eld Elm "
    "Fal Farn Fen Gal Gos Hal Harl Hart Hazel Hol Kel Kirk Lang Led Lin Mal Marl Mel Mor Nor Oak Pem Pen "
    "Quor Rad Red Ros Sal Sand Sel Shel Stan Stav Swin Tam Thorn Til Ul Wal Wark Wes Whit Win Wyn Yar"
).split()
_TOWN_ENDINGS = (
    "bourne bridge bury by caster cliffe combe dale den field ford gate ham haven hurst leigh mere minster "
    "mouth ness port sea stead stoke ton wick worth"
).split()
_REAL_BRANDS = (
    "Toyota Sony Samsung Intel Microsoft Google Nestle Unilever Pfizer Novartis Bayer Airbus Renault "
    "Peugeot Volvo Saab Ericsson Hitachi Panasonic Fujitsu Canon Nikon Lenovo Huawei Adobe Netflix Spotify "
    "Reuters Lufthansa Ryanair Ikea Lego Adidas Nike Danone Michelin Pirelli Gazprom Petrobras Walmart "
    "Tesco Carrefour Aldi Starbucks PepsiCo FedEx"
).split()
_BRAND_STARTS = ("Acu Bio Cor Dyna Ener Flu Gen Hel Ino Kor Lum Mag Neo Omni Pro Qua Ser Tel Uni Ver Xen Zen").split()
_BRAND_ENDINGS = (
    "base cell cor dex dyne gen lis lux max mira nex nova plex ra sys tek tron trix vex via vis zon"
).split()
_ACRONYM_SHAPES = ("CCV", "VCC", "VCV", "CCCC", "CCCV", "VCCC")
_LETTERS = {"C": "BCDFGHKLMNPRSTVWZ", "V": "AEIOU"}
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Names:
    """The names one split may use; `first` holds (name, "female" or "male") pairs, `towns` are made up."""

    first: tuple[tuple[str, str], ...]
    last: tuple[str, ...]
    places: tuple[str, ...]
    towns: tuple[str, ...]
    brands: tuple[str, ...]
    acronyms: tuple[str, ...]


def partition(seed: int) -> dict[str, Names]:
    """Return the names of "train", "validation" and "test": 80, 10 and 10 % of every list, nothing shared."""
    rng = random.Random(f"names-{seed}")
    others = {"places": _REAL_PLACES, "towns": _towns(), "brands": _brands(), "acronyms": _acronyms()}
    first, last = _people(frozenset(name for names in others.values() for name in names))
    lists: dict[str, Sequence] = {"first": first, "last": last, **others}
    parts: dict[str, dict[str, tuple]] = {split: {} for split in _SHARES}
    for kind, entries in lists.items():
        for split, part in _cut(entries, rng).items():
            parts[split][kind] = part
    return {split: Names(**part) for split, part in parts.items()}


def _cut(entries: Sequence, rng: random.Random) -> dict[str, tuple]:
    shuffled = list(entries)
    rng.shuffle(shuffled)
    parts, start = {}, 0
    for split, share in _SHARES.items():
        end = len(shuffled) if split == "test" else start + int(share * len(shuffled))
        parts[split] = tuple(shuffled[start:end])
        start = end
    return parts


@cache
def _people(taken: frozenset[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return first names with the sex that uses them more, and surnames; a surname is no first name."""
    share: dict[str, tuple[float, str]] = {}
    for sex in ("female", "male"):
        for name, percent in _read(f"dist.{sex}.first", 2500):
            if name not in share or percent > share[name][0]:
                share[name] = (percent, sex)
    unfit = taken | AMBIGUOUS | _RESERVED | {word.capitalize() for word in LEXICON}
    first = [(name, sex) for name, (_, sex) in share.items() if name not in unfit and len(name) > 2]
    last = [
        name for name, _ in _read("dist.all.last", 12_000) if name not in share and name not in unfit and len(name) > 3
    ]
    return first, last


def _read(file: str, most: int) -> list[tuple[str, float]]:
    entries = []
    with (files("names") / file).open(encoding="ascii") as lines:
        for line, _ in zip(lines, range(most), strict=False):
            name, percent, *_ = line.split()
            mac = name.startswith("MC") and len(name) > 3
            entries.append(("Mc" + name[2:].capitalize() if mac else name.capitalize(), float(percent)))
    return entries


def _towns() -> list[str]:
    composed = [stem + ending for stem in _TOWN_STEMS for ending in _TOWN_ENDINGS if stem[-1] != ending[0]]
    return [town for town in dict.fromkeys(composed) if town not in _REAL_PLACES]


def _brands() -> list[str]:
    return _REAL_BRANDS + [start + ending for start in _BRAND_STARTS for ending in _BRAND_ENDINGS]


def _acronyms() -> list[str]:
    rng = random.Random("acronyms")
    shapes = (rng.choice(_ACRONYM_SHAPES) for _ in range(1200))
    made = ("".join(rng.choice(_LETTERS[letter]) for letter in shape) for shape in shapes)
    return [name for name in dict.fromkeys(made) if len(set(name)) == len(name)]
