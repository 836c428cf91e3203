"""The words that the rules of this package go by."""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ARTICLES = _set("a an the")

MALE = _set(
    "he him his himself mr king emperor sheikh chairman spokesman prince emir sultan pope "
    "bishop imam archbishop congressman businessman fisherman policeman father son sir lord "
    "cardinal"
)
FEMALE = _set(
    "she her hers herself mrs ms miss queen empress chairwoman spokeswoman princess "
    "congresswoman businesswoman mother daughter dame lady policewoman"
)
MANY = _set("they them their theirs themselves")
THING = _set("it its itself")
SELF = _set("i we me us my our mine ours myself ourselves")
PRONOUNS = (MALE | FEMALE) & _set("he him his himself she her hers herself") | MANY | THING | SELF

FEMALE_NAMES = _set(
    "Angela Ursula Giorgia Theresa Margaret Hillary Condoleezza Madeleine Kamala Federica "
    "Catherine Christine Maria Marie Anna Kaja Benazir Indira Golda Dilma Cristina Jacinda "
    "Sanna Mette Annalena Nikki Susan Samantha Linda Liz Nicola Priti Nancy Elizabeth Mary "
    "Sarah Marta Olga Elena Natalia Julia Yulia Tzipi Hanan Aung Violeta Michelle Ellen Joyce "
    "Claudia Veronica Sophie Isabel Helen"
)

# Offices: who holds one speaks for somebody.
ROLES = _set(
    "president minister premier chancellor ambassador envoy spokesman spokeswoman spokesperson "
    "spokesmen spokespersons representative delegate secretary secretary-general official "
    "officials diplomat diplomats negotiator commander commissioner chairman chairwoman chair "
    "leader leaders governor vice-governor mayor prefect senator deputy deputies lawmaker "
    "lawmakers congressman congresswoman general colonel major captain admiral lieutenant "
    "marshal brigadier commodore sergeant chief head director king queen emperor emir sultan "
    "sheikh pope cardinal bishop archbishop imam ayatollah prosecutor judge attorney adviser "
    "advisor aide counsellor consul mediator coordinator member members councillor speaker "
    "author president-elect co-chair vice-president vice-premier taoiseach undersecretary "
    "under-secretary superintendent officer officers prince princess monarch laureate candidate "
    "parliamentarian mp mep ministers presidents ambassadors envoys negotiators representatives "
    "delegates commanders generals authorities delegation delegations mission boss editor "
    "chargé charge observer whip inspector inspector-general rapporteur gentleman "
    "minister-president high-representative fm pm correspondent attaché attache permanent"
)
PEOPLE = _set(
    "analyst analysts economist economists historian historians professor lawyer lawyers doctor "
    "doctors resident residents villager villagers farmer farmers fisherman fishermen driver "
    "drivers worker workers striker strikers student students teacher teachers trader traders "
    "priest veteran soldier soldiers fighter fighters witness witnesses critic critics "
    "protester protesters demonstrators activist activists expert experts scholar observers "
    "colleague friend widow mother father man men woman women person people shopkeeper engineer "
    "elders elder refugee refugees reporter reporters journalist journalists haulier hauliers "
    "shipowners owners owner employers growers ranchers dockers pilots miners teachers "
    "unionists republicans rebels separatists opponents supporters relatives investigators "
    "police servant consultant researcher sailor skipper nurse pensioner merchant businessman "
    "businesswoman grower painter poet novelist"
)
# What a state or another body acts through: what it says, the body says.
ORGANS = _set(
    "government ministry cabinet army navy police parliament presidency foreign-ministry "
    "embassy office military forces troops air-force regime administration authorities "
    "authority side delegation mission kingdom republic command headquarters security "
    "intelligence state-department department leadership court prosecutors secretariat "
    "executive treasury officials diplomats ministers negotiators spokesmen gunners soldiers "
    "artillery aircraft warplanes jets warships coastguard consulate garrison legislature "
    "senate congress commission directorate customs service bureau deputies lawmakers leaders "
    "mission team politicians commanders generals envoys state nation country people "
    "capital party-secretary radio television media airways guard guards navy fleet"
)
BODIES = _set(
    "union unions federation association council committee party movement group front alliance "
    "coalition company companies bank fund agency organisation organization institute chamber "
    "league board bloc faction commission confederation congress assembly society newspaper "
    "newspapers paper radio station network university hospital church club cooperative "
    "syndicate consortium firm firms corporation industry court tribunal panel brigade militia "
    "opposition bench corps institution branch rebels conference parliament government ministry "
    "office army police presidency secretariat parliament embassy cabinet senate house "
    "department directorate authority monitor mission regime delegation junta command"
)
ARMED = _set(
    "rebels rebel militia guerrillas guerrilla insurgents insurgent fighters brigade militants "
    "jihadists paramilitaries separatists gunmen faction front warlord"
)
TITLES = _set(
    "President Prime Minister Foreign Defence Defense Interior Finance Trade Chancellor Premier "
    "King Queen Ambassador Secretary General Secretary-General Deputy Vice Army Navy Emir "
    "Sultan Mr Mrs Ms Mr. Mrs. Ms. Dr Dr. Sir Lord Lady Senator Sen. Rep. Representative Gen. "
    "Gen Col. Colonel Captain Capt. Major Maj. Lt. Lieutenant Admiral Adm. Marshal Brigadier "
    "Commander Commissioner Chairman Chairwoman Governor Mayor Professor Prof. Prof Pope "
    "Cardinal Bishop Archbishop Imam Ayatollah Sheikh Spokesman Spokeswoman Spokesperson Judge "
    "Prince Princess Vice-President Field Chief Staff Minister-President High State Director "
    "Director-General Speaker Congressman Undersecretary Under-Secretary Attorney Dame Madame "
    "M. Herr Señor Sheik Mullah Reverend Rev. Father Councillor Chair Sergeant Superintendent "
    "Inspector Delegate Envoy Counsellor Permanent Special Comrade Ato Count Baron Adviser MP "
    "Tunku Hon. H.E. U Daw Archduke Joint County Regional Provincial Federal National Acting "
    "Former Supreme Leader Monsieur Lt"
)
EVENTS = _set(
    "attack attacks assault strike strikes raid war invasion execution executions killing killings "
    "killed death deaths murder arrest arrests decision move visit trip meeting talks summit "
    "interview protest protests clash clashes crisis dispute conflict election vote ban deal"
)
"""What happens and says nothing, whatever a tagger takes it for."""
NOBODY = _set("mr mrs ms miss sir madam dr you most many some few all both others none one two")
"""Words alone that name nobody, whatever a tagger takes them for."""
# Capitalised words that begin a sentence, or name no person: days, months, compass points.
NO_NAMES = _set(
    "The A An This That These Those In On At Of For And But Or As By From With Without After "
    "Before When While If Although Though Since Until Both All Some Many Most Several Every "
    "Each One Two Three Four Five Six Seven Eight Nine Ten He She It They We You I His Her Its "
    "Their Our My Your Monday Tuesday Wednesday Thursday Friday Saturday Sunday January "
    "February March April May June July August September October November December North South "
    "East West Northern Southern Eastern Western Central Jan Feb Mar Apr Jun Jul Aug Sep Sept "
    "Oct Nov Dec Not No Nor Yes So Yet Then There Here What Who Which Why How Where Today "
    "Yesterday Tomorrow Earlier Later Meanwhile However Only Even Such Other Others Another Any "
    "Once Speaking Asked According Now God Islam Christmas Easter Ramadan"
)
PORTFOLIOS = _set(
    "foreign defence defense prime finance interior trade justice labour labor health energy "
    "agriculture environment transport economy culture education home deputy vice"
)
"""What tells one minister from another."""
LEADERS = _set("president leader premier chancellor monarch king emperor")
"""Titles of which one may stand for another."""
# What an actor speaks through.
DOCUMENTS = _set(
    "note statement report text communique communiqué letter declaration message document "
    "memorandum dispatch commentary editorial resolution survey tally paper petition "
    "announcement bulletin interview"
)
KINDS = {
    "armed group": ("group", "movement", "militia", "organisation", "organization"),
    "organisation": ("organisation", "organization", "alliance"),
    "party": ("party", "movement"),
}
"""Nouns for a body named before, by its type."""
BODY_NAMES = _set(
    "Party Council Union Ministry Commission Agency Front Bank Court Federation Association "
    "Movement Army Office Department Parliament Assembly Group Organisation Organization "
    "Committee Authority Fund Institute University Radio Times Post News Government Congress "
    "Senate House Brigade League Forces Guard Corps Company Chamber Board Alliance Coalition "
    "Secretariat Press Television Cabinet Treasury Navy Police Force Centre Center Conference "
    "Club Society Service Delegation Presidency Bundestag Duma Rada Knesset Majlis Dáil Althing "
    "Storting Staff Command Directorate Bureau States Confederation Foundation Observatory "
    "Programme Program Network Tribunal Journal Gazette Airlines Oil Gas Bar Council's Workers "
    "Teachers Dockers Chiefs"
)
_PEOPLE = re.compile(r"[a-z-]{2,}(?:ers|ors|ists|ians|ants|men|women|er|ist|ian|woman|man)$")
_NO_PEOPLE = _set(
    "letter letters order orders matter matters paper papers number numbers power powers answer "
    "answers offer offers border borders river rivers water waters winter summer december "
    "september october november other others former latter quarter quarters corner shoulder "
    "shoulders danger register centre center tanker tankers trawler trawlers helicopter "
    "helicopters container containers chapter charter charters remainder disaster disasters "
    "cover surrender transfer barrier barriers frontier frontiers factor factors error errors "
    "corridor corridors sector sectors terror harbour harbor motor list lists pact grants grant "
    "warrants warrant plants plant variants moment human german roman ian computer newspaper "
    "newspapers proper over under after never ever however neither either together rather "
    "further greater lower higher upper per another whether super inner outer later earlier "
    "better larger smaller older younger newer exist consist insist assist resist consider "
    "deliver enter render clear master chamber chambers cluster bunker bunkers poster posters "
    "shelter shelters fever finger fingers litter counter encounter encounters member meter "
    "metre meters"
)


def is_people(word: str) -> bool:
    """Tell whether a noun in lower case means people: "hauliers", "economist"."""
    return word in PEOPLE or bool(_PEOPLE.fullmatch(word) and word not in _NO_PEOPLE)


COMMON = ROLES | PEOPLE | ORGANS | BODIES | frozenset(word.lower() for word in NO_NAMES)
"""Words that are no name where a sentence begins with them."""
STATE_OFFICES = _set(
    "minister ministry president government premier parliament army police cabinet chancellor "
    "prosecutor prosecutors vice-president vice-premier under-secretary undersecretary "
    "presidency ministers lawmaker lawmakers parliamentarian spokesman spokeswoman spokesperson "
    "military king emir authorities official officials troops navy soldiers deputy legislature "
    "senate congress consulate secretary fm pm"
)
"""Offices and organs of a state, even where the words do not say of which."""
PLACE_PREPOSITIONS = _set("in at near outside inside around via across throughout within off into")
OFFICIAL = _set("official state state-run state-owned government semi-official")
"""What tells that a news agency, a newspaper or a channel speaks for its state."""
PREPOSITIONS = PLACE_PREPOSITIONS | _set(
    "of on for from by with to under over after before since during between among against about "
    "toward towards through along behind beside beyond despite without upon per like as than "
    "until amid"
)
ADDRESSING = _set(
    "told tell tells telling accused accuse accuses accusing urged urge urges urging asked ask "
    "asks asking warned warn warns warning thanked thank thanks thanking blamed blame blames "
    "blaming criticised criticized criticise criticize condemned condemn condemns condemning "
    "denounced denounce denounces praised praise praises called demanded invited invite invites "
    "assured assure assures promised promise promises offered offer offers threatened threaten "
    "threatens attacked rebuked congratulated reminded remind reminds informed inform informs "
    "rejected dismissed challenged welcomed appealed pressed advised requested required ordered "
    "commended apologised apologized likened reproached charged faulted chided commending "
    "pledged assailed answered replied"
)
SPEAKS_FOR = r"\b(?:(?:speaking|speaks|spoke)\sfor|(?:speaking\s)?on\sbehalf\sof)\s(?:the\s)?"
"""What stands between a person and the side that he or she speaks for, as a pattern."""
EVERYBODY = re.compile(
    r"\b(?:all|both|the (?:two|three|four|rival|warring)) (?:the )?(?:sides?|parties|delegations|"
    r"governments|countries|camps|capitals|factions|neighbours|neighbors|leaders|nations)\b"
    r"|\beach other\b|\beverybody\b|\beveryone\b|\bone another\b"
)
