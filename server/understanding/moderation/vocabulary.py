"""The word lists: what is rude, insulting, threatening, sexual, or speaks of self-harm, in seven languages.

Whole words and phrases, `|` between them. They are of modest size on purpose: a list that knows every word of a language also
flags its harmless ones. An author adds words of their own.
"""

from collections.abc import Mapping

LISTS: Mapping[str, Mapping[str, str]] = {
    "profanity": {
        "en": "fuck|fucks|fucked|fucker|fuckers|fucking|fuckin|motherfucker|motherfuckers|motherfucking|shit|shits|shitty|bullshit|crap|"
        "damn|damned|goddamn|bloody hell|asshole|assholes|arsehole|bastard|bastards|bitch|bitches|cunt|cunts|dickhead|piss off|pissed|"
        "wanker|bollocks|wtf|stfu|gtfo|fck|fuk|fking|shite|jackass|dumbass",
        "de": "scheiße|scheisse|scheiss|scheiß|scheißdreck|verfickt|verfickte|verfickter|fick|ficken|fickt|gefickt|arsch|arschloch|"
        "arschlöcher|verdammt|verdammte|verdammter|verdammten|kacke|pisse|verpiss dich|fuck|fucking|shit|mist verdammter|leck mich",
        "fr": "merde|merdique|putain|bordel|connard|connards|connasse|salope|salopes|salaud|enculé|enculés|foutre|fait chier|nique|"
        "niquer|chiant|va te faire foutre|ta gueule|fuck|shit|bâtard",
        "es": "mierda|joder|jodido|jodida|coño|puta|putas|puto|putos|hijo de puta|hijos de puta|cabrón|cabrones|gilipollas|pendejo|"
        "pendejos|chinga|chingada|verga|carajo|hostia puta|fuck|shit",
        "it": "merda|cazzo|cazzi|vaffanculo|stronzo|stronzi|stronza|puttana|puttane|troia|coglione|coglioni|porca miseria|porco dio|"
        "incazzato|fanculo|fuck|shit|bastardo|bastardi",
        "pt": "merda|caralho|porra|puta|putas|puta que pariu|filho da puta|foda|foda-se|fodido|cacete|vai se foder|vai tomar no cu|"
        "desgraçado|arrombado|fuck|shit",
        "nl": "kut|klote|kloten|godverdomme|verdomme|klootzak|klootzakken|lul|hoer|tering|tyfus|kanker|eikel|shit|fuck|fucking|"
        "rot op|rotzak|kutbedrijf",
    },
    "insult": {
        "en": "idiot|idiots|idiotic|moron|morons|stupid bot|you are stupid|you're stupid|so stupid|imbecile|retard|retarded|loser|losers|"
        "scumbag|scum|dumb bot|you are dumb|you're dumb|you suck|you are useless|you're useless|incompetent|incompetents|pathetic|"
        "shut up|clown|clowns|fool|fools|twat|prick|you are trash|worthless",
        "de": "idiot|idioten|idiotin|dummkopf|trottel|vollidiot|vollidioten|blödmann|depp|deppen|spast|spasti|missgeburt|hurensohn|wichser|"
        "schlampe|dumme kuh|halt die klappe|halt die fresse|halt's maul|du bist dumm|bist du dumm|versager|unfähig|penner|drecksladen|"
        "saftladen|mistkerl|vollpfosten",
        "fr": "idiot|idiote|idiots|imbécile|imbéciles|crétin|crétins|abruti|abrutis|débile|débiles|con|conne|ferme-la|fermez-la|"
        "ferme ta gueule|tu es nul|vous êtes nuls|incapable|incapables|bouffon|minable|minables",
        "es": "idiota|idiotas|imbécil|imbéciles|estúpido|estúpida|estúpidos|tonto|tonta|inútil|inútiles|cállate|cerdo|retrasado|"
        "subnormal|payaso|payasos|eres una basura",
        "it": "idiota|idioti|imbecille|imbecilli|stupido|stupida|stupidi|cretino|cretini|deficiente|deficienti|scemo|stai zitto|"
        "buffone|buffoni|incapace|incapaci|sei inutile",
        "pt": "idiota|idiotas|imbecil|imbecis|estúpido|estúpida|burro|burra|otário|otários|babaca|cala a boca|incompetente|"
        "incompetentes|palhaço|lixo humano",
        "nl": "idioot|idioten|sukkel|sukkels|mongool|debiel|debielen|domkop|achterlijk|achterlijke|hou je bek|bek dicht|je bent dom|"
        "prutsers|oplichters|oen",
    },
    "threat": {
        "en": "i will kill you|i'll kill you|i'm going to kill you|gonna kill you|kill you all|i will find you|i'll find you|"
        "i know where you live|i will hurt you|i'll hurt you|going to hurt you|beat you up|burn your office|burn down your|bomb your|"
        "bomb threat|shoot you|i will shoot|you will die|you're dead|you are dead|stab you|you will regret this|watch your back",
        "de": "ich bring dich um|ich bringe dich um|ich bringe euch um|ich töte dich|ich töte euch|ich finde dich|ich weiß wo du wohnst|"
        "ich mach dich fertig|ich schlag dich|ich schlage dich|du bist tot|ihr seid tot|ich zünde euch|bombendrohung|ich erschieße|"
        "das wirst du bereuen|das werdet ihr bereuen|ich steche dich ab",
        "fr": "je vais te tuer|je vais vous tuer|je vais te retrouver|je sais où tu habites|tu vas mourir|tu es mort|tu vas le regretter|"
        "vous allez le regretter|je vais te frapper|je vais te casser|alerte à la bombe",
        "es": "te voy a matar|os voy a matar|los voy a matar|te voy a encontrar|sé dónde vives|vas a morir|estás muerto|te arrepentirás|"
        "te vas a arrepentir|te voy a pegar|amenaza de bomba",
        "it": "ti ammazzo|vi ammazzo|ti uccido|vi uccido|so dove abiti|sei morto|te ne pentirai|ti vengo a cercare|ti spacco",
        "pt": "vou te matar|vou matar vocês|sei onde você mora|você vai morrer|vai se arrepender|vou te bater|vou te encontrar",
        "nl": "ik vermoord je|ik maak je dood|ik maak jullie dood|ik weet waar je woont|je bent dood|ik vind je|"
        "ik sla je|hier krijg je spijt van",
    },
    "self_harm": {
        "en": "kill myself|killing myself|end my life|ending my life|take my own life|want to die|wanna die|suicide|suicidal|hurt myself|"
        "hurting myself|harm myself|self harm|self-harm|cutting myself|better off dead|no reason to live|don't want to live|"
        "do not want to live|dont want to live|can't go on living|kms",
        "de": "umbringen will ich mich|ich bringe mich um|ich bring mich um|mich umbringen|mir das leben nehmen|selbstmord|suizid|suizidal|"
        "ich will sterben|möchte sterben|nicht mehr leben|mich selbst verletzen|mich ritzen|keinen sinn mehr im leben|lebensmüde",
        "fr": "me suicider|suicide|suicidaire|me tuer|envie de mourir|veux mourir|mettre fin à mes jours|en finir avec la vie|"
        "plus envie de vivre|me faire du mal|me scarifier",
        "es": "suicidarme|suicidio|matarme|quiero morir|quiero morirme|quitarme la vida|acabar con mi vida|no quiero vivir|hacerme daño|"
        "cortarme las venas",
        "it": "suicidarmi|suicidio|uccidermi|ammazzarmi|voglio morire|togliermi la vita|farla finita|non voglio più vivere|farmi del male",
        "pt": "me suicidar|suicídio|me matar|quero morrer|tirar minha vida|tirar a minha vida|acabar com a minha vida|não quero mais viver|"
        "me machucar|me cortar",
        "nl": "zelfmoord|suïcide|mezelf van kant maken|ik wil dood|wil niet meer leven|een einde aan mijn leven|mezelf pijn doen|"
        "mezelf snijden",
    },
    "sexual": {
        "en": "porn|porno|pornhub|nudes|send nudes|blowjob|blow job|handjob|cock|cocks|dick|dicks|pussy|tits|boobs|cum|cumshot|horny|milf|"
        "anal sex|oral sex|sex with you|have sex|masturbate|masturbating|masturbation|dildo|hentai|slut|sluts|whore|whores|sexting|"
        "naked pics|naked pictures|onlyfans|threesome|orgasm",
        "de": "porno|pornos|nacktbilder|nacktfotos|schwanz|muschi|fotze|titten|möse|blasen lassen|geil auf dich|sex mit dir|sex haben|"
        "wichsen|masturbieren|orgasmus|nutte|nutten|hure|dreier|dirty talk",
        "fr": "porno|nudes|photos nues|bite|chatte|nichons|seins nus|baiser avec|coucher avec toi|sexe avec|branler|masturber|pute|putes|"
        "orgasme|fellation",
        "es": "porno|desnudos|fotos desnuda|polla|pollas|tetas|follar|follamos|sexo contigo|tener sexo|masturbarme|mamada|orgasmo|"
        "cachonda|cachondo",
        "it": "porno|foto nuda|foto nude|figa|fica|tette|scopare|scopiamo|sesso con te|fare sesso|masturbare|pompino|orgasmo|zoccola",
        "pt": "pornô|porno|nudes|manda nudes|buceta|pau duro|peitos|transar|transar com você|sexo com você|masturbar|boquete|orgasmo|"
        "gostosa|tesão",
        "nl": "porno|naaktfoto|naaktfoto's|pik|tieten|neuken|seks met jou|seks hebben|pijpen|masturberen|orgasme|slet|sletten|geil|hoeren",
    },
}
"""Category -> language -> phrases."""

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
