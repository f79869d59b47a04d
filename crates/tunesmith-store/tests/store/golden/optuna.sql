BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'one');
INSERT INTO "studies" VALUES(2,'two');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',2,0);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'note','"by hand, with \"quotes\" and NaN"');
INSERT INTO "study_user_attributes" VALUES(2,2,'note','"by hand, with \"quotes\" and NaN"');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,0,0.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,1,0.201,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,2,0.202,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,0,0.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,1,2.01429772487979857897e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,2,2.02859544975959676937e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,0,0.4,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,3,1,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(9,3,2,4.0035869614423580387e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,5,0,0.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,5,1,1.41612423222736667294e-04,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,5,2,2.83224846445473334589e-04,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,6,0,0.4,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,6,1,4.00453131184409227838e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,6,2,4.00906262368818377961e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,7,0,0.5,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,7,1,5.00045858177236346442e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,7,2,5.00091716354472692884e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'lr',0.001,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'dropout',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(4,1,'layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(5,1,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(6,1,'k',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(7,1,'opt',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(8,2,'lr',1.4297724879798392062e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(9,2,'dropout',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(10,2,'batch',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(11,2,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(12,2,'width',48.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(13,2,'k',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(14,2,'opt',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(15,3,'lr',1.79348072117898016094e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(16,3,'dropout',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(17,3,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(18,3,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(19,3,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(20,3,'k',65.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(21,3,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(22,4,'lr',1.82836342098445324812e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(23,4,'dropout',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(24,4,'batch',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(25,4,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(26,4,'width',48.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(27,4,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(28,4,'opt',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(29,5,'lr',1.41612423222736667294e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(30,5,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(31,5,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(32,5,'layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(33,5,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(34,5,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(35,5,'opt',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(36,6,'lr',0.00045313118440918,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(37,6,'dropout',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(38,6,'batch',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(39,6,'layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(40,6,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(41,6,'k',94.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(42,6,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(43,6,'momentum',3.93700068615678244743e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO "trial_params" VALUES(44,7,'lr',4.58581772363322393362e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(45,7,'dropout',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(46,7,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(47,7,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(48,7,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(49,7,'k',32.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(50,7,'opt',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(51,8,'lr',4.50573858660155510819e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(52,10,'lr',0.001,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(53,10,'dropout',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(54,10,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(55,10,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(56,10,'width',40.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(57,10,'k',6.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(58,10,'opt',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(59,11,'lr',1.16764036606876799874e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(60,11,'dropout',3.00000000000000044408e-01,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(61,11,'batch',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(62,11,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(63,11,'width',56.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(64,11,'k',57.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(65,11,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(66,11,'momentum',4.23841104321415529376e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO "trial_params" VALUES(67,12,'lr',2.43289666259101181348e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(68,12,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(69,12,'batch',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(70,12,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(71,12,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(72,12,'k',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(73,12,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(74,12,'momentum',7.85701079897161314136e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO "trial_params" VALUES(75,13,'lr',2.08937654708422773999e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(76,13,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(77,13,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(78,13,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(79,13,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(80,13,'k',12.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(81,13,'opt',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(82,14,'lr',1.50256282798389068956e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(83,14,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(84,14,'batch',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(85,14,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(86,14,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(87,14,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(88,14,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(89,15,'lr',4.75227743261255950032e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(90,15,'dropout',0.1,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(91,15,'batch',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(92,15,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(93,15,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(94,15,'k',8.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(95,15,'opt',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(96,16,'lr',3.28732216317336530149e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(97,16,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO "trial_params" VALUES(98,16,'batch',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(99,16,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(100,16,'width',48.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 64}}');
INSERT INTO "trial_params" VALUES(101,16,'k',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 128}}');
INSERT INTO "trial_params" VALUES(102,16,'opt',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd", null, true, 1.5]}}');
INSERT INTO "trial_params" VALUES(103,17,'lr',2.82556212811079938956e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"lr": 0.001, "batch": 32}');
INSERT INTO "trial_system_attributes" VALUES(2,9,'fixed_params','{"lr": 0.002}');
INSERT INTO "trial_system_attributes" VALUES(3,10,'fixed_params','{"lr": 0.001, "batch": 32}');
INSERT INTO "trial_system_attributes" VALUES(4,18,'fixed_params','{"lr": 0.002}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(2,2,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(3,3,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(4,4,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(5,5,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(6,6,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(7,7,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(8,10,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(9,11,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(10,12,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(11,13,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(12,14,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(13,15,'who','"me"');
INSERT INTO "trial_user_attributes" VALUES(14,16,'who','"me"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,2.10000000000000019984e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,2.14297724879798395791e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,0.401793480721179,'FINITE');
INSERT INTO "trial_values" VALUES(4,5,0,2.83224846445473334589e-04,'FINITE');
INSERT INTO "trial_values" VALUES(5,6,0,NULL,'INF_POS');
INSERT INTO "trial_values" VALUES(6,7,0,5.00458581772363353401e-01,'FINITE');
INSERT INTO "trial_values" VALUES(7,10,0,2.10000000000000019984e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,10,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,11,0,3.01167640366068800616e-01,'FINITE');
INSERT INTO "trial_values" VALUES(10,11,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(11,12,0,2.43289666259101188114e-04,'FINITE');
INSERT INTO "trial_values" VALUES(12,12,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(13,14,0,1.50256282798389064619e-02,'FINITE');
INSERT INTO "trial_values" VALUES(14,14,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(15,15,0,1.00475227743261258384e-01,'FINITE');
INSERT INTO "trial_values" VALUES(16,15,1,4.0,'FINITE');
INSERT INTO "trial_values" VALUES(17,16,0,3.28732216317336508465e-03,'FINITE');
INSERT INTO "trial_values" VALUES(18,16,1,1.0,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-27 04:38:34.206075','2026-11-27 04:38:34.242637');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-27 04:38:34.248861','2026-11-27 04:38:34.275713');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-27 04:38:34.284060','2026-11-27 04:38:34.312308');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-27 04:38:34.317012','2026-11-27 04:38:34.334774');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-27 04:38:34.339413','2026-11-27 04:38:34.371422');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-27 04:38:34.379451','2026-11-27 04:38:34.415286');
INSERT INTO "trials" VALUES(7,6,1,'COMPLETE','2026-11-27 04:38:34.422252','2026-11-27 04:38:34.453719');
INSERT INTO "trials" VALUES(8,7,1,'RUNNING','2026-11-27 04:38:34.460934',NULL);
INSERT INTO "trials" VALUES(9,8,1,'WAITING',NULL,NULL);
INSERT INTO "trials" VALUES(10,0,2,'COMPLETE','2026-11-27 04:38:34.482204','2026-11-27 04:38:34.502183');
INSERT INTO "trials" VALUES(11,1,2,'COMPLETE','2026-11-27 04:38:34.507277','2026-11-27 04:38:34.530688');
INSERT INTO "trials" VALUES(12,2,2,'COMPLETE','2026-11-27 04:38:34.535703','2026-11-27 04:38:34.559086');
INSERT INTO "trials" VALUES(13,3,2,'FAIL','2026-11-27 04:38:34.566804','2026-11-27 04:38:34.597011');
INSERT INTO "trials" VALUES(14,4,2,'COMPLETE','2026-11-27 04:38:34.604378','2026-11-27 04:38:34.625012');
INSERT INTO "trials" VALUES(15,5,2,'COMPLETE','2026-11-27 04:38:34.629734','2026-11-27 04:38:34.653109');
INSERT INTO "trials" VALUES(16,6,2,'COMPLETE','2026-11-27 04:38:34.658162','2026-11-27 04:38:34.681801');
INSERT INTO "trials" VALUES(17,7,2,'RUNNING','2026-11-27 04:38:34.686679',NULL);
INSERT INTO "trials" VALUES(18,8,2,'WAITING',NULL,NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
