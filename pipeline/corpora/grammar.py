"""The grammar of the generated English sentences: templates, from which english.py writes."""

# One rule an entry, one production a line; a number in front is its weight. A word in capitals is a rule or a
# slot of Writer; word/TAG overrides the lexicon's tag; ^ capitalises the next word.
GRAMMAR = {
    "SENTENCE": """
        9 CLAUSE .
        3 WHEN , EVENT .
        3 FRONT , EVENT .
        1 according to/ADP SOMEBODY , CLAUSE .
        2 CLAUSE , and CLAUSE .
        1 CLAUSE , but CLAUSE .
        1 although CLAUSE , CLAUSE .
        3 PLAIN .
        4 WORD_SENTENCE
        3 QUOTE
        4 QUESTION
        3 LISTING .
        3 HEADLINE
        2 RESULT .
        1 PER SHORT_DEED .
        """,
    "CLAUSE": """
        5 PERSON_CLAUSE
        5 FIRM_CLAUSE
        4 PLACE_CLAUSE
        2 SHARED_CLAUSE
        1 DATE_CLAUSE
        1 PLAIN
        """,
    "EVENT": """
        PER DEED
        PERSON , the OFFICER of FIRM , DEED
        ORG FIRM_DEED
        ORG shares/NOUN MOVED PERCENT
        """,
    "PERSON_CLAUSE": """
        6 PER DEED
        5 PER DEED WHEN
        3 PER DEED ADJUNCT
        3 PER HABIT
        3 PERSON , the OFFICER of FIRM , DEED
        2 PERSON , AGE , DEED
        1 the ROLE , PER , DEED
        2 the ROLE PER DEED
        2 PER , who DEED , DEED
        2 PERSON , whose NOUN DEED_OF_THING , DEED
        2 PER DEED and later/ADV DEED
        1 PER DEED because CLAUSE
        1 PER DEED while/SCONJ CLAUSE
        2 PERSON and PERSON PAIR_DEED
        1 PER and HIS RELATIVE PAIR_DEED
        2 a NATION ROLE called PER DEED
        1 HIS colleague PER DEED WHEN
        """,
    "DEED": """
        SHORT_DEED
        laughed at the joke
        was born in LOC
        married PER in LOC
        grew up/ADV in LOC
        studied physics at ORG
        told reporters that/SCONJ CLAUSE
        told PER that/SCONJ CLAUSE
        asked PER for/ADP a loan
        shook hands with PER
        had dinner with PER
        moved from LOC to/ADP LOC
        flew to/ADP LOC
        drove to/ADP LOC to/PART meet HIS sister
        resigned from ORG
        joined ORG as/ADP a OFFICER
        worked for/ADP ORG as/ADP a ROLE
        sent PER a letter from LOC
        gave PER the record/NOUN
        thanked PER for/ADP that/DET visit/NOUN
        inherited a house near/ADP LOC
        forgot HIS umbrella in/ADP LOC
        refused to/PART record/VERB that/DET song
        decided to/PART visit/VERB HIS mother in LOC
        wrote TITLE in LOC
        divorced PER
        read/VERB the report/NOUN aloud
        founded a charity in LOC
        had her/PRON passport checked
        """,
    "SHORT_DEED": "laughed smiled resigned agreed waited apologised",
    "HABIT": """
        speaks LANGUAGE and LANGUAGE
        plans/VERB to/PART move to/ADP LOC
        plans/VERB to/PART marry PER in LOC
        visits/VERB HIS parents in LOC every DAY
        lives near/ADP LOC with PER
        is/AUX a ROLE in LOC
        works/VERB for/ADP ORG
        works/VERB as/ADP a ROLE at FIRM
        likes/VERB NATION food
        has/AUX lived in LOC since/ADP PERIOD
        teaches LANGUAGE in LOC
        reports/VERB to/ADP PER at FIRM
        """,
    "PAIR_DEED": """
        met in LOC
        met in LOC WHEN
        were/AUX married in LOC
        wrote TITLE together
        quarrelled about/ADP that/DET plan/NOUN
        left ORG to/PART start a company
        """,
    "DEED_OF_THING": """
        was/AUX lost in LOC
        closed/VERB WHEN
        was/AUX famous in LOC
        """,
    "FIRM_CLAUSE": """
        6 ORG FIRM_DEED
        5 ORG FIRM_DEED WHEN
        2 ORG FIRM_HABIT
        3 FIRM , which FIRM_DEED , FIRM_DEED
        2 BUSINESS , a KIND based in LOC , FIRM_DEED
        2 the KIND BRAND FIRM_DEED
        3 shares/NOUN of ORG MOVED PERCENT WHEN
        2 ORG shares/NOUN MOVED PERCENT
        2 ORG 's/PART OFFICER , PER , DEED
        1 engineers at ORG TESTED the PRODUCT
        1 PER 's/PART employer , ORG , FIRM_DEED
        1 the merger of ORG and ORG was/AUX delayed
        1 lawyers/NOUN for ORG answered that/SCONJ CLAUSE
        1 ORG FIRM_DEED after/SCONJ ORG FIRM_DEED
        """,
    "FIRM_DEED": """
        reported a RESULT_WORD of MONEY
        hired NUMBER engineers in LOC
        opened/VERB a factory near/ADP LOC
        opened/VERB its first office in LOC
        bought ORG for/ADP MONEY
        merged with ORG
        appointed PER as/ADP chief executive
        dismissed its OFFICER , PER
        was/AUX founded by PER in LOC
        cut/VERB NUMBER jobs in LOC
        recalled NUMBER cars
        raised its dividend
        sued ORG over a patent
        filed for/ADP bankruptcy
        set/VERB a profit record/NOUN
        sold/VERB its LANGUAGE edition to/ADP ORG
        launched the PRODUCT
        """,
    "FIRM_HABIT": """
        has/VERB offices in LOC and LOC
        plans/VERB to/PART build a plant/NOUN in LOC
        employs NUMBER people in LOC
        makes cars in LOC
        plans/VERB to/PART hire PER
        owns PERCENT of ORG
        has/AUX employed PER since/ADP PERIOD
        """,
    "PLACE_CLAUSE": """
        4 LOC PLACE_DEED
        3 LOC PLACE_DEED WHEN
        3 LOC PLACE_HABIT
        2 the mayor of LOC , PER , DEED
        2 LOC , where PER was/AUX born , PLACE_DEED
        2 the road from LOC to/ADP LOC was/AUX closed/VERB WHEN
        2 flights/NOUN to/ADP LOC were/AUX delayed MONTHS
        1 flights/NOUN to/ADP LOC were/AUX cancelled MONTHS
        1 the road to/ADP LOC has/AUX been/AUX closed/VERB since/ADP PERIOD
        2 temperatures in LOC fell sharply WHEN
        2 farmers near/ADP LOC lost/VERB most of their crops
        1 the border between LOC and LOC was/AUX closed/VERB
        1 the QUALITY town of LOC PLACE_DEED
        1 a bridge over the RIVER in LOC collapsed WHEN
        1 the only/ADJ museum in LOC remained closed/ADJ WHEN
        1 heavy rain/NOUN fell on/ADP LOC and LOC
        """,
    "PLACE_DEED": """
        was/AUX flooded
        became independent
        was/AUX hit by an earthquake
        elected a new parliament
        lost/VERB half/NOUN of its population
        closed/VERB its border with LOC
        was/AUX shaken by street protests
        hosted the winter games
        """,
    "PLACE_HABIT": """
        lies on/ADP the RIVER
        borders LOC and LOC
        has/VERB NUMBER inhabitants
        has/VERB mild winters
        has/AUX been/AUX independent since/ADP PERIOD
        is/AUX the capital of LOC
        exports rice/NOUN and copper to/ADP LOC
        lies north of LOC
        """,
    "SHARED_CLAUSE": """
        SOMEBODY announced that/SCONJ CLAUSE
        SOMEBODY criticised SOMEBODY
        SOMEBODY won the ADJECTIVE_PRIZE prize WHEN
        SOMEBODY did/AUX not/PART answer questions/NOUN about/ADP SOMEBODY
        a statement by SOMEBODY was/AUX read/VERB in LOC
        """,
    "SOMEBODY": """
        PERSON
        FIRM
        """,
    "DATE_CLAUSE": """
        MONTH was/AUX unusually dry/ADJ in LOC
        MONTH brought heavy rain/NOUN to/ADP LOC
        the MONTH elections in LOC were/AUX delayed
        the DAY meeting/NOUN was/AUX cancelled by PER
        MONTH is/AUX the wettest month in LOC
        """,
    "WHEN": """
        on/ADP DAY
        on/ADP DATE
        in PERIOD
        PAST_DAY
        early/ADV on/ADP DAY
        yesterday
        last week
        """,
    "FRONT": """
        after/ADP months of talks/NOUN
        despite the rain/NOUN
        to/PART save/VERB money
        after/ADP a visit/NOUN to/ADP LOC
        on/ADP the road to/ADP LOC
        far from LOC
        """,
    "ADJUNCT": """
        despite the rain/NOUN
        after/ADP months of talks/NOUN
        , according to/ADP SOMEBODY ,
        after/SCONJ PER DEED
        before/SCONJ FIRM FIRM_DEED
        """,
    "PLAIN": """
        the plans/NOUN of SOMEONE changed again
        SOMEONE plans/VERB to/PART leave/VERB soon
        SOMEONE visits/VERB his/PRON aunt every week
        most visits/NOUN to/ADP SOMEONE are/AUX short
        SOMEONE and SOMEONE record/VERB each song twice
        the record/NOUN of SOMEONE sold/VERB well/ADV
        SOMEONE likes/VERB long/ADJ walks/NOUN
        SOMEONE walks/VERB to/ADP work/NOUN
        SOMEONE and SOMEONE march/VERB to/ADP the old station
        the long/ADJ march/NOUN ended near/ADP the QUALITY NOUN
        that/PRON is/AUX not/PART true of SOMEONE
        that/DET light/ADJ box in/ADP the NOUN is/AUX empty/ADJ
        the light/NOUN in/ADP the QUALITY NOUN went out/ADV
        SOMEONE and SOMEONE light/VERB a fire every evening
        a NATION ROLE won the race/NOUN
        prices rose/VERB by PERCENT
        the rose/NOUN near/ADP the QUALITY NOUN smelled sweet
        the bill/NOUN was/AUX paid by SOMEONE
        we/PRON hope/VERB that/SCONJ SOMEONE likes/VERB the NOUN
        there/PRON is/VERB hope/NOUN for/ADP SOMEONE
        NATION and NATION fishermen share/VERB the lake
        the will/NOUN of SOMEONE was/AUX read/VERB aloud
        they will/AUX not/PART target/VERB SOMEONE
        the target/NOUN was/AUX missed by SOMEONE
        the mark/NOUN on/ADP the QUALITY NOUN is/AUX still/ADV there/ADV
        an august/ADJ ROLE filled the hall
        you may/AUX drive/VERB to/ADP the QUALITY NOUN
        a short drive/NOUN is/AUX enough/ADJ for/ADP SOMEONE
        one/NUM grant/NOUN was/AUX refused by SOMEONE
        the judges grant/VERB SOMEONE few requests
        the hunter/NOUN near/ADP the QUALITY NOUN lost/VERB the trail
        the baker/NOUN told SOMEONE to/PART close/VERB the NOUN
        the QUALITY shops close/VERB at noon
        the station is/AUX close/ADJ to/ADP the QUALITY NOUN
        TITLE was/AUX sold/VERB out/ADV in/ADP that/DET SEASON
        the PRODUCT needs/VERB a QUALITY ROLE
        SOMEONE gave her/PRON an orange/NOUN
        I can/AUX open/VERB the can/NOUN for/ADP SOMEONE
        the QUALITY NOUN is/AUX open/ADJ
        they fish/VERB near/ADP the QUALITY NOUN
        the fish/NOUN in/ADP the QUALITY NOUN was/AUX fresh
        NUMBER people signed the LANGUAGE petition
        people like/VERB to/PART walk/VERB with SOMEONE
        SOMEONE looks/VERB like/ADP a ROLE
        """,
    "SOMEONE": """
        the QUALITY ROLE
        the NATION ROLE
        HIS RELATIVE
        the RELATIVE of a ROLE
        """,
    "WORD_SENTENCE": """
        WORD_CLAUSE .
        WORD_CLAUSE , and/CCONJ CLAUSE .
        WORD_CLAUSE , but/CCONJ CLAUSE .
        " ^ WORD_CLAUSE , " said PERSON .
        LOC , MONTH DAY_NUMBER - ^ WORD_CLAUSE .
        """,
    "WORD_CLAUSE": """
        8 MATERIAL GOODS FATE
        4 VIRTUE VIRTUE_DEED
        2 COLOUR houses stood near/ADP LOC
        1 mark/VERB the date for/ADP SOMEONE
        1 bill/VERB SOMEONE for/ADP the QUALITY NOUN
        1 split/VERB the bill/NOUN with PER
        1 target/VERB the QUALITY shops in LOC
        1 dawn/NOUN broke over LOC
        1 reading/VERB aloud helps/VERB SOMEONE
        1 nice/ADJ weather is/AUX expected in LOC
        1 frank/ADJ answers/NOUN upset/VERB SOMEONE
        1 long/ADJ lines/NOUN formed in LOC
        1 young/ADJ children lived in LOC
        1 baker/NOUN wanted for/ADP a QUALITY shop in LOC
        1 cook/NOUN wanted for/ADP a QUALITY house in LOC
        1 bush/NOUN fires/NOUN were/AUX seen near/ADP LOC
        1 mobile/ADJ phones were/AUX cut/VERB off/ADV in LOC
        """,
    "FATE": """
        were/AUX banned in LOC
        were/AUX rare in LOC WHEN
        upset/VERB SOMEONE
        are/AUX common in LOC
        """,
    "VIRTUE_DEED": """
        alone/ADV is/AUX not/PART enough/ADJ for/ADP SOMEONE
        matters to/ADP SOMEONE
        is/AUX rare in LOC
        """,
    "GOODS": "prices/NOUN imports/NOUN sellers fairs thieves boxes",
    "MATERIAL": (
        "apple/NOUN orange/NOUN rose/NOUN rice/NOUN wood/NOUN stone/NOUN cork/NOUN china/NOUN turkey/NOUN "
        "shell/NOUN target/NOUN art/NOUN puma/NOUN jaguar/NOUN buffalo/NOUN caterpillar/NOUN bath/NOUN"
    ),
    "VIRTUE": "hope/NOUN grace/NOUN joy/NOUN faith/NOUN",
    "COLOUR": "black/ADJ white/ADJ green/ADJ brown/ADJ",
    "QUESTION": """
        did/AUX PER marry PER ?
        was/AUX PER born in LOC ?
        will/AUX SURNAME resign ?
        will/AUX PERSON answer the letter ?
        will/AUX ORG buy ORG ?
        may/AUX we/PRON leave/VERB LOC on/ADP DAY ?
        who founded ORG ?
        when did/AUX ORG buy ORG ?
        how far is/AUX LOC from LOC ?
        why did/AUX PER resign from ORG ?
        which/DET ROLE moved to/ADP LOC WHEN ?
        is/AUX LOC the capital of LOC ?
        who owns PERCENT of ORG ?
        can/AUX you open/VERB the can/NOUN for/ADP SOMEONE ?
        does/AUX SOMEONE like/VERB her/PRON work/NOUN ?
        """,
    "QUOTE": """
        3 " ^ CLAUSE , " said PERSON .
        2 " ^ CLAUSE , " said PERSON , the OFFICER of FIRM .
        1 " ^ CLAUSE , " a spokesman for/ADP FIRM said .
        2 " QUESTION_QUOTED " asked PER .
        2 PER replied : " ^ CLAUSE . "
        1 " ^ PLAIN , " HE told PER .
        """,
    "QUESTION_QUOTED": "^ QUESTION",
    "LISTING": """
        the delegates came from LOC , LOC and LOC
        those/PRON invited were/AUX PER , PER and PER
        the buyers were/AUX ORG , ORG and ORG
        the train/NOUN stops at LOC , LOC and LOC
        HE worked for/ADP ORG , ORG and FIRM
        HE has/AUX lived in LOC , LOC , LOC and LOC
        PERSON , PERSON and PERSON signed the letter WHEN
        the talks/NOUN were/AUX held on/ADP DAY , DAY and DAY
        FIRM , FIRM and ORG FIRM_DEED
        """,
    "HEADLINE": """
        3 LOC , MONTH DAY_NUMBER - ^ CLAUSE .
        1 ORG Cuts/VERB NUMBER Jobs in LOC
        1 PER Named Chief Executive of ORG
        1 PER Resigns From ORG
        1 Storm Warning Issued for/ADP LOC
        1 Trade Talks/NOUN With LOC Begin in LOC
        1 ORG Buys ORG for/ADP MONEY
        1 Price/NOUN of Rice/NOUN Falls/VERB in LOC
        1 Will/AUX Petrol Prices Rise/VERB Again ?
        1 Police Search/VERB Park/NOUN in LOC
        1 Bush/NOUN Fires/NOUN Near/ADP LOC
        1 SURNAME Fires/VERB Chief Executive of ORG
        1 March/NOUN for/ADP Peace Ends/VERB in LOC
        1 PER Marries PER in LOC
        """,
    "RESULT": """
        TEAM beat TEAM SCORE
        TEAM lost/VERB SCORE to/ADP TEAM WHEN
        TEAM SCORE TEAM
        PER scored twice as/SCONJ TEAM beat TEAM SCORE
        """,
    "AMBIGUOUS": """
        SUBJECT saw EITHER WITNESS .
        SUBJECT missed EITHER WITNESS .
        where is/AUX EITHER now ?
        what does/AUX SOMEONE know about/ADP EITHER ?
        everybody talked about/ADP EITHER WITNESS .
        SUBJECT dreamed of EITHER WITNESS .
        EITHER was/AUX in/ADP the news again WITNESS .
        SUBJECT remembered EITHER after/ADP that/DET SEASON .
        """,
    "SUBJECT": """
        I
        he
        she
        they
        we/PRON
        nobody
        everybody
        the old ROLE
        the NATION ROLE
        HIS sister
        """,
    "WITNESS": """
        yesterday
        last week
        again yesterday
        last SEASON
        this morning
        all/DET evening
        the whole week
        on/ADP DAY
        PAST_DAY
        in PERIOD
        """,
    "MONEY": """
        $/SYM DIGIT million
        $/SYM DECIMAL billion
        DECIMAL million euros
        """,
    "PERCENT": """
        DIGIT percent
        DECIMAL percent
        """,
    "ROLE": ("teacher judge pilot nurse engineer lawyer poet painter doctor chemist banker minister singer editor"),
    "OFFICER": "chairman director treasurer founder lawyer accountant engineer spokesman",
    "KIND": "bank maker carrier publisher retailer brewer insurer start-up",
    "QUALITY": "old small quiet proud rich poor famous",
    "NOUN": "house garden shop farm boat studio",
    "RELATIVE": "brother daughter neighbour cousin mother aunt",
    "SEASON": "summer winter spring/NOUN autumn",
    "RESULT_WORD": "loss profit deficit surplus",
    "MOVED": "rose/VERB fell gained lost/VERB",
    "TESTED": "tested improved repaired",
    "ADJECTIVE_PRIZE": "first annual national",
}
# Rules that list words, one production a word.
WORD_RULES = (
    "ROLE OFFICER KIND QUALITY NOUN RELATIVE SEASON RESULT_WORD MOVED TESTED "
    "SHORT_DEED ADJECTIVE_PRIZE GOODS MATERIAL VIRTUE COLOUR"
).split()
